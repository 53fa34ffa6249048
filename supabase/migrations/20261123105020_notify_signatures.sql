-- Purpose: signs requests to webhooks and agents as the specification Standard Webhooks says.
-- Objects: functions monitoring.hmac_sha256, monitoring.read_signing_key, monitoring.sign_webhook.
-- Risks: HMAC is built on the function sha256() of PostgreSQL, because pgcrypto is not everywhere. Its test vectors are
--   those of RFC 4231.

create function monitoring.hmac_sha256(message bytea, key bytea)
returns bytea
language plpgsql
immutable
strict
parallel safe
security invoker
set search_path = ''
as $$
declare
  v_key bytea := case
    when octet_length(hmac_sha256.key) > 64 then sha256(hmac_sha256.key)
    else hmac_sha256.key
  end;
  v_inner bytea;
  v_outer bytea;
begin
  v_key := v_key || decode(repeat('00', 64 - octet_length(v_key)), 'hex');
  v_inner := v_key;
  v_outer := v_key;
  for v_place in 0..63 loop
    -- 54 and 92 are the constants 0x36 and 0x5c of RFC 2104.
    v_inner := set_byte(v_inner, v_place, get_byte(v_key, v_place) # 54);
    v_outer := set_byte(v_outer, v_place, get_byte(v_key, v_place) # 92);
  end loop;
  return sha256(v_outer || sha256(v_inner || hmac_sha256.message));
end
$$;

comment on function monitoring.hmac_sha256(bytea, bytea) is 'Returns the HMAC-SHA256 (RFC 2104) of a message.';

create function monitoring.read_signing_key(secret text)
returns bytea
language plpgsql
immutable
strict
security invoker
set search_path = ''
as $$
declare
  v_key bytea;
begin
  -- Assigned in the body, because the exception handler does not cover declarations.
  v_key := decode(
    case
      when starts_with(read_signing_key.secret, 'whsec_') then substr(read_signing_key.secret, 7)
      else read_signing_key.secret
    end,
    'base64'
  );
  return nullif(v_key, ''::bytea);
exception
  when data_exception then
    return null;
end
$$;

comment on function monitoring.read_signing_key(text) is
'Returns the key in a signing secret: base64, after the prefix whsec_, which may be missing. Null if it is not base64,
or empty.';

create function monitoring.sign_webhook(message_id text, sent_at timestamptz, body text, secret text)
returns text
language sql
immutable
strict
security invoker
set search_path = ''
as $$
  select case
    when count(*) > 0 and bool_and(keys.key is not null) then string_agg(
      'v1,' || encode(
        monitoring.hmac_sha256(
          convert_to(
            format(
              '%s.%s.%s', sign_webhook.message_id, floor(extract(epoch from sign_webhook.sent_at)), sign_webhook.body
            ),
            'UTF8'
          ),
          keys.key
        ),
        'base64'
      ),
      ' '
      order by keys.place
    )
  end
  from (
    select
      monitoring.read_signing_key(secrets.secret) as key,
      secrets.place
    from unnest(string_to_array(translate(sign_webhook.secret, e'\n\r\t', '   '), ' '))
    with ordinality as secrets (secret, place)
    where secrets.secret <> ''
  ) as keys
$$;

comment on function monitoring.sign_webhook(text, timestamptz, text, text) is
'Returns the header webhook-signature of Standard Webhooks: v1 and the HMAC-SHA256 of id.timestamp.body. While a secret
is replaced, it can hold the new and the old one with a space between: then there is a signature for each. Null if a
secret is not whsec_ and base64.';
