-- Purpose: sanitizes a JSON document before it is stored or logged: redacts it, then truncates it; the result is
--   valid JSON.
-- Objects: functions monitoring.is_sensitive_key, monitoring.may_contain_sensitive_keys, monitoring.is_redaction_mark,
--   monitoring.is_secret_pair, monitoring.is_clean_jsonb, monitoring.redact_jsonb, monitoring.truncate_jsonb,
--   monitoring.sanitize_jsonb.
-- Risks: a document is traversed only when its text may contain a secret: may_contain_sensitive_keys() or
--   redact_secrets_once() must know each new kind of secret. Uses 1 of the 32 regular expressions that a backend
--   caches.

create function monitoring.is_sensitive_key(key text)
returns boolean
language sql
immutable
strict
parallel safe
security invoker
set search_path = ''
as $$
  -- apiKey, API_KEY, x-api-key and "api key" are the same key; max_tokens and secret_name are not secrets. The key is
  -- tested twice: without separators up to its end, and by its parts, for suffixes such as token_prod.
  select
    translate(lower(right(key, 200) collate "C"), '_-. :', '')
    || '/_' || translate(lower(right(key, 200) collate "C"), '-. :', '____') || '_' ~ $pattern$(?x)
      (?:
        passw(?:or)?ds? | passphrase | passcode | pwd | secret | token | (?:api|access|private|secret|auth|account|role|anon)keys?
        | authorization | cookies? | credentials? | cardnum(?:ber)? | cardno | creditcard | cvv2? | cvc2? | securitycode
        | ssn | socialsecuritynumber | sessionid | phpsessid | jsessionid | connectsid | (?:encryption|signing|master)key
      ) (?:hash|digest|salt|confirm(?:ation)?|value|[0-9])? /
      | ^(?:pass|pin|pw|t?otp|otpcode|mfacode|verificationcode|codeverifier|saml(?:response|request)|auth|authentication|passwort|kennwort
        |senha|jwt|csrf|xsrf|bearer|iban|dbpass|secrets|tokens|(?:x[a-z0-9]*)?signature(?:256)?)/
      | _(?:passw(?:or)?d|passphrase|pwd|pw|secret|token|(?:api|access|private)_?key)_
        (?!(?:[^_]*_)*(?:names?|counts?|ids?|types?|limits?|usage|used|total|budget|ttl|expir(?:y|es|ed|ation)|at|in|length
          |size|ur[li]|endpoint|path|file|arn|version|policy|required|valid|fields?|resets?|attempts|rate|index|status
          |errors?|hint|strength|enabled|disabled|provider|prefix|sent|changed|requested|manager|store)_$)
    $pattern$
$$;

comment on function monitoring.is_sensitive_key(text) is
'Returns whether a key of a JSON object names a secret, in any spelling. Its value is then replaced without
inspection.';

create function monitoring.may_contain_sensitive_keys(value text)
returns boolean
language plpgsql
immutable
strict
parallel safe
security invoker
set search_path = ''
as $$
begin
  return monitoring.may_contain_secrets(may_contain_sensitive_keys.value)
    or lower(may_contain_sensitive_keys.value collate "C") like any(array[
      '%security%', '%"pin"%', '%pw"%', '%pw\_%', '%"auth"%', '%"iban"%', '%connect%sid%', '%mfa%', '%verif%', '%saml%'
    ]);
end
$$;

comment on function monitoring.may_contain_sensitive_keys(text) is
'Returns whether a document, as text, contains a word that is_sensitive_key() could match.';

create function monitoring.is_redaction_mark(value text)
returns boolean
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $$
begin
  return coalesce(
    length(is_redaction_mark.value) <= 20
    and (
      lower(is_redaction_mark.value) = any(array[
        '[redacted]', '[filtered]', '[hidden]', '[masked]', '[removed]', '[scrubbed]', '[secret]', '[sensitive]', '<redacted>',
        '<hidden>', '<masked>', '<filtered>', '<secret>', 'redacted', 'filtered'
      ])
      or (
        length(is_redaction_mark.value) >= 3
        and translate(is_redaction_mark.value, '*#•', '') = ''
      )
    ), false
  );
end
$$;

comment on function monitoring.is_redaction_mark(text) is
'Returns whether a text is what a sender writes in place of a secret, such as [Filtered] or ****.';

create function monitoring.is_secret_pair(key text, value jsonb)
returns boolean
language plpgsql
stable
strict
parallel safe
security invoker
set search_path = ''
as $$
declare
  v_value text := is_secret_pair.value #>> '{}';
  v_pair text := format('"%s": "%s"', is_secret_pair.key, v_value);
begin
  return jsonb_typeof(is_secret_pair.value) = 'string'
    and length(v_value) between 4 and 4096
    and length(is_secret_pair.key) <= 200
    and strpos(v_value, '"') = 0
    and monitoring.may_contain_sensitive_keys(v_pair)
    and strpos(monitoring.redact_keyed_values(v_pair), v_value) = 0;
end
$$;

comment on function monitoring.is_secret_pair(text, jsonb) is
'Returns whether the value of a key is redacted in a text: a key such as storage_key names a secret if its value looks
like one.';

create function monitoring.is_clean_jsonb(value jsonb, levels integer)
returns boolean
language plpgsql
stable
strict
parallel safe
security invoker
set search_path = ''
as $$
declare
  v_text text collate "C" := is_clean_jsonb.value::text;
  v_has_escapes boolean := strpos(v_text, '\') > 0;
begin
  if monitoring.may_contain_sensitive_keys(v_text) then
    return false;
  end if;
  if v_has_escapes then
    v_text := replace(replace(replace(replace(v_text, '\\', '/'), '\"', '"'), '\n', e'\n'), '\t', e'\t');
  end if;
  -- Without its escapes a text can contain a word that it did not contain with them.
  if strpos(v_text, '\') > 0 or monitoring.redact_secrets(v_text, v_has_escapes) <> v_text then
    return false;
  end if;
  -- A document with fewer brackets cannot be that deep.
  return length(v_text) - length(translate(v_text, '{[', '')) <= is_clean_jsonb.levels
    or not jsonb_path_exists(
      is_clean_jsonb.value,
      concat('strict $.**{', levels, '} ? (@.type() == "object" || @.type() == "array")')::jsonpath
    );
end
$$;

comment on function monitoring.is_clean_jsonb(jsonb, integer) is
'Returns true only when redact_jsonb() would return a document unchanged, judged by its text without traversing it.';

create function monitoring.redact_jsonb(value jsonb, depth integer)
returns jsonb
language plpgsql
stable
strict
parallel safe
security invoker
set search_path = ''
as $$
declare
  c_deepest constant integer := 32;
  v_kind text := jsonb_typeof(redact_jsonb.value);
  v_text text;
  v_may_contain_secrets boolean;
  v_holds_secrets boolean;
  v_name_is_sensitive boolean;
begin
  if v_kind = 'string' then
    return to_jsonb(monitoring.redact_secrets(redact_jsonb.value #>> '{}'));
  elsif v_kind = 'number' then
    v_text := redact_jsonb.value #>> '{}';
    if length(v_text) >= 13 and monitoring.redact_card_numbers(trim_scale(abs(v_text::numeric))::text) = '[redacted]' then
      return '"[redacted]"'::jsonb;
    end if;
    return redact_jsonb.value;
  elsif v_kind not in ('object', 'array') then
    return redact_jsonb.value;
  elsif redact_jsonb.depth > c_deepest then
    return '"[too deep]"'::jsonb;
  end if;
  if monitoring.is_clean_jsonb(redact_jsonb.value, c_deepest - redact_jsonb.depth + 1) then
    return redact_jsonb.value;
  end if;
  if v_kind = 'array' then
    -- Headers can be pairs such as ["Cookie", "a=b"], or a flat list like arguments: ["--password", "x"].
    return (
      select coalesce(
        jsonb_agg(
          case
            when listed.before is null or listed.item in ('null', '[]', '{}') or listed.item #>> '{}' like '… [truncated, %' then
              monitoring.redact_jsonb(listed.item, redact_jsonb.depth + 1)
            when (listed.length = 2 or listed.before ~~* any(array['%-%', '%authorization', '%cookie']))
              and monitoring.is_sensitive_key(monitoring.strip_controls(listed.before)) then '"[redacted]"'
            else monitoring.redact_jsonb(listed.item, redact_jsonb.depth + 1)
          end order by listed.nth
        ), '[]'
      )
      from (
        select
          element.item,
          element.nth,
          count(*) over () as length,
          case
            when jsonb_typeof(lag(element.item) over (order by element.nth)) = 'string'
              then lag(element.item) over (order by element.nth) #>> '{}'
          end as before
        from jsonb_array_elements(redact_jsonb.value) with ordinality as element (item, nth)
      ) as listed
    );
  end if;
  -- All keys are tested at once, because testing each would cost more than the values.
  v_text := (select string_agg('"' || pair.key || '"', e'\n') from jsonb_each(redact_jsonb.value) as pair);
  v_may_contain_secrets := monitoring.may_contain_sensitive_keys(v_text);
  v_holds_secrets := monitoring.redact_secrets(v_text) <> v_text;
  v_name_is_sensitive := strpos(lower(v_text), '"val') > 0 and exists (
    select
    from jsonb_each_text(redact_jsonb.value) as pair
    where lower(pair.key) in ('name', 'key', 'field', 'header', 'k')
      and monitoring.is_sensitive_key(monitoring.strip_controls(pair.value))
  );
  return (
    select coalesce(
      jsonb_object_agg(
        clean.key,
        case
          when pair.value = 'null' or monitoring.is_redaction_mark(pair.value #>> '{}') then pair.value
          when v_may_contain_secrets
            and (monitoring.is_sensitive_key(clean.key) or monitoring.is_secret_pair(clean.key, pair.value)) then '"[redacted]"'
          -- Forms and headers can also be objects such as {"name": "password", "value": "x"}.
          when lower(clean.key) in ('value', 'val') and v_name_is_sensitive then '"[redacted]"'
          else monitoring.redact_jsonb(pair.value, redact_jsonb.depth + 1)
        end
      ), '{}'
    )
    from jsonb_each(redact_jsonb.value) as pair
    cross join lateral (
      select case when v_holds_secrets then monitoring.redact_secrets(pair.key) else pair.key end
    ) as clean (key)
  );
end
$$;

comment on function monitoring.redact_jsonb(jsonb, integer) is
'Redacts a document: texts are redacted, values of sensitive keys replaced, values deeper than 32 levels replaced by
"[too deep]" (depth counts from 1). Numbers, booleans and nulls stay.';

create function monitoring.truncate_jsonb(value jsonb, max_bytes integer, depth integer)
returns jsonb
language plpgsql
immutable
strict
parallel safe
security invoker
set search_path = ''
as $$
declare
  c_deepest constant integer := 32;
  c_least_part constant integer := 128; -- a value truncated further is not kept
  v_kind text := jsonb_typeof(truncate_jsonb.value);
  v_size integer := octet_length(truncate_jsonb.value::text);
  v_mark text := format('original %s bytes', v_size);
  v_room integer := truncate_jsonb.max_bytes - octet_length(v_mark) - 24;
  v_text text;
  v_result jsonb;
begin
  if v_size <= truncate_jsonb.max_bytes then
    return truncate_jsonb.value;
  elsif v_kind in ('object', 'array') and truncate_jsonb.depth > c_deepest then
    return case when truncate_jsonb.max_bytes >= 12 then '"[too deep]"'::jsonb else '""' end;
  elsif v_room <= 0 then
    return case v_kind when 'object' then '{}'::jsonb when 'array' then '[]' else '""' end;
  elsif v_kind = 'object' then
    -- Small values stay complete, the first that does not fit is truncated, larger ones are removed.
    select jsonb_object_agg(
      part.key,
      case
        when part.total <= v_room then part.value
        else monitoring.truncate_jsonb(
          part.value, v_room - (part.total - part.size) - part.key_size, truncate_jsonb.depth + 1
        )
      end
    )
    into v_result
    from (
      select measured.*, (sum(measured.size) over (order by measured.size, measured.key))::integer as total
      from (
        select
          pair.key,
          pair.value,
          octet_length(to_jsonb(pair.key)::text) + 4 as key_size,
          octet_length(to_jsonb(pair.key)::text) + 4 + octet_length(pair.value::text) as size
        from jsonb_each(truncate_jsonb.value) as pair
      ) as measured
    ) as part
    where part.total <= v_room or v_room - (part.total - part.size) - part.key_size >= c_least_part;
    return coalesce(v_result, '{}') || jsonb_build_object('_truncated', v_mark);
  elsif v_kind = 'array' then
    select jsonb_agg(
      case
        when part.total <= v_room then part.item
        else monitoring.truncate_jsonb(part.item, v_room - (part.total - part.size) - 2, truncate_jsonb.depth + 1)
      end order by part.nth
    )
    into v_result
    from (
      select measured.*, (sum(measured.size) over (order by measured.nth))::integer as total
      from (
        select element.item, element.nth, octet_length(element.item::text) + 2 as size
        from jsonb_array_elements(truncate_jsonb.value) with ordinality as element (item, nth)
      ) as measured
    ) as part
    where part.total <= v_room or v_room - (part.total - part.size) - 2 >= c_least_part;
    return coalesce(v_result, '[]') || to_jsonb(format('… [truncated, %s bytes]', v_size));
  end if;
  v_mark := format('… [truncated, %s bytes]', v_size);
  v_text := case when v_kind = 'string' then truncate_jsonb.value #>> '{}' else '' end;
  v_room := v_room - 8;
  while strpos(v_text, e'\n') > 0 and v_room >= 512 loop
    -- Of a stack trace both ends stay.
    v_result := to_jsonb(monitoring.cut_middle(v_text, v_room));
    if octet_length(v_result::text) <= truncate_jsonb.max_bytes then
      return v_result;
    end if;
    v_room := least(v_room - 1, (v_room::bigint * truncate_jsonb.max_bytes / octet_length(v_result::text))::integer);
  end loop;
  loop
    v_text := monitoring.drop_last_word(monitoring.truncate_bytes(v_text, v_room), least(256, v_room / 4));
    v_result := to_jsonb(v_text || v_mark);
    -- In JSON a quote takes two bytes and a control character six.
    exit when octet_length(v_result::text) <= truncate_jsonb.max_bytes;
    v_room := least(v_room - 1, (v_room::bigint * truncate_jsonb.max_bytes / octet_length(v_result::text))::integer);
  end loop;
  return v_result;
end
$$;

comment on function monitoring.truncate_jsonb(jsonb, integer, integer) is
'Truncates a document to max_bytes as text (2 at least): of an object the small values stay, of an array the first
elements, of a text its beginning, of a text of many lines both ends. "_truncated" or a last element holds the original
size. depth counts from 1.';

create function monitoring.sanitize_jsonb(value jsonb, max_bytes integer)
returns jsonb
language plpgsql
stable
strict
parallel safe
security invoker
set search_path = ''
as $$
declare
  c_deepest constant integer := 32;
  c_most_suspects constant integer := 300;
  c_most_values constant integer := 1500;
  v_value jsonb := sanitize_jsonb.value;
  v_text text := v_value::text;
  v_size integer := octet_length(v_text);
  v_suspects integer := 0;
  v_work integer;
begin
  -- Remove first what cannot fit anyway, to limit the cost.
  if v_size > sanitize_jsonb.max_bytes + 65536 then
    v_value := monitoring.truncate_jsonb(v_value, sanitize_jsonb.max_bytes + 65536, 1);
    v_text := v_value::text;
  end if;
  if octet_length(v_text) > 4096 then
    v_suspects := monitoring.count_secret_indicators(v_text);
    v_suspects := greatest(
      v_suspects, (c_most_suspects::bigint * length(v_text) / monitoring.find_many_tokens(v_text, c_most_suspects))::integer
    );
  end if;
  if v_suspects > c_most_suspects or not monitoring.is_clean_jsonb(v_value, c_deepest) then
    -- Only a document with hundreds of secrets, or of values next to a secret, is truncated here.
    v_work := greatest(
      v_suspects / c_most_suspects, (length(v_text) - length(replace(v_text, ', ', ','))) / c_most_values
    );
    if v_work > 0 then
      v_value := monitoring.truncate_jsonb(v_value, greatest(4096, octet_length(v_text) / (v_work + 1)), 1);
    end if;
    v_value := monitoring.redact_jsonb(v_value, 1);
  elsif v_size <= sanitize_jsonb.max_bytes then
    return v_value;
  end if;
  return monitoring.truncate_jsonb(v_value, sanitize_jsonb.max_bytes, 1);
end
$$;

comment on function monitoring.sanitize_jsonb(jsonb, integer) is
'Returns a document that may be stored and logged: redacted, at most 32 levels deep, at most max_bytes as text (2 at
least), with marks where something was removed. Numbers keep every digit.';
