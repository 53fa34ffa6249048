-- Purpose: reads single values from the body of a webhook, in which any field may be missing, null or of another type.
-- Objects: functions monitoring.read_lenient_text, monitoring.list_lenient_texts, monitoring.read_timestamp,
--   monitoring.delivery_kinds, monitoring.delivery_sender, monitoring.name_delivery_sender,
--   monitoring.delivery_fingerprint, monitoring.keep_small_members, monitoring.is_allowed_link.
-- Risks: these functions must not raise, whatever the body contains. Uses no regular expression, because ingest
--   calls them.

create function monitoring.read_lenient_text(holder jsonb, variadic path text[])
returns text
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $$
begin
  return case
    when jsonb_typeof(read_lenient_text.holder #> read_lenient_text.path) in ('string', 'number')
      then nullif(btrim(left(read_lenient_text.holder #>> read_lenient_text.path, 65536), e' \t\r\n'), '')
  end;
end
$$;

comment on function monitoring.read_lenient_text(jsonb, text[]) is
'Returns the text or number at a path as trimmed text. Null for other types and for blank text.';

create function monitoring.list_lenient_texts(holder jsonb)
returns jsonb
language sql
immutable
parallel safe
security invoker
set search_path = ''
as $$
  select coalesce(jsonb_object_agg(members.key, members.text), '{}')
  from (
    select
      member.key,
      case
        when jsonb_typeof(member.value) in ('string', 'number')
          then nullif(btrim(left(member.value #>> '{}', 65536), e' \t\r\n'), '')
      end as text
    from jsonb_each(
      case jsonb_typeof(list_lenient_texts.holder) when 'object' then list_lenient_texts.holder else '{}' end
    ) as member (key, value)
  ) as members
  where members.text is not null
$$;

comment on function monitoring.list_lenient_texts(jsonb) is
'Returns the members of an object that are texts or numbers, as read_lenient_text() does one: for many of them a call
costs less than one for each.';

create function monitoring.read_timestamp(value jsonb)
returns timestamptz
language plpgsql
stable
security invoker
set search_path = ''
as $$
declare
  v_moment timestamptz := monitoring.parse_timestamp(read_timestamp.value);
begin
  -- The clock of a sender may be slightly ahead of ours. A time more than a day ahead is not plausible.
  return case
    when v_moment between '2000-01-01 00:00:00+00' and now() + interval '1 day' then least(v_moment, clock_timestamp())
  end;
end
$$;

comment on function monitoring.read_timestamp(jsonb) is
'Returns a time given in ISO 8601, or as seconds or milliseconds since 1970. Null when it is invalid or more than a
day in the future.';

create function monitoring.delivery_kinds()
returns text[]
language sql
immutable
parallel safe
security invoker
set search_path = ''
as $$
  select array['sentry', 'alertmanager', 'grafana', 'uptime-kuma', 'github', 'generic']
$$;

comment on function monitoring.delivery_kinds() is
'Returns the programs whose webhooks are read. A new one needs a reader in read_intent(), and a place in the CHECK
constraints of monitoring.deliveries and public.incidents.';

create function monitoring.delivery_sender(kind text, name text)
returns text
language sql
immutable
parallel safe
security invoker
set search_path = ''
as $$
  select case delivery_sender.kind
    when 'generic' then 'generic:' || delivery_sender.name
    else delivery_sender.kind
  end
$$;

comment on function monitoring.delivery_sender(text, text) is
'Returns the sender of a delivery, as in incidents.sender: its kind, or generic: and the name of its key.';

create function monitoring.name_delivery_sender(sender text)
returns text
language sql
immutable
parallel safe
security invoker
set search_path = ''
as $$
  select case name_delivery_sender.sender
    when 'sentry' then 'Sentry'
    when 'alertmanager' then 'Alertmanager'
    when 'grafana' then 'Grafana'
    when 'uptime-kuma' then 'Uptime Kuma'
    when 'github' then 'GitHub'
    else split_part(name_delivery_sender.sender, ':', -1)
  end
$$;

comment on function monitoring.name_delivery_sender(text) is
'Returns the name of the product that sent a delivery, for texts; for generic:<name>, the name.';

create function monitoring.delivery_fingerprint(sender text, id text)
returns text
language sql
immutable
parallel safe
security invoker
set search_path = ''
as $$
  -- An id is kept as it is; any other value is hashed, because it could be long or a secret.
  select delivery_fingerprint.sender || ':' || case
    when length(delivery_fingerprint.id) <= 64
      and translate(
        lower(delivery_fingerprint.id collate "C"), '0123456789abcdefghijklmnopqrstuvwxyz_-', ''
      ) = ''
      then delivery_fingerprint.id
    else encode(sha256(convert_to(delivery_fingerprint.id, 'UTF8')), 'hex')
  end
$$;

comment on function monitoring.delivery_fingerprint(text, text) is
'Returns the fingerprint of what a sender calls by an id, such as alertmanager:57c6d9296de2ad39. Null without an id.';

create function monitoring.keep_small_members(holder jsonb, most integer)
returns jsonb
language sql
immutable
parallel safe
security invoker
set search_path = ''
as $$
  select coalesce(jsonb_object_agg(sized.key, sized.value), '{}')
  from (
    select
      members.key,
      members.value,
      sum(octet_length(members.key) + octet_length(members.value::text)) over (
        order by octet_length(members.value::text), members.key
      ) as size
    from jsonb_each(
      case jsonb_typeof(keep_small_members.holder) when 'object' then keep_small_members.holder else '{}' end
    ) as members (key, value)
  ) as sized
  where sized.size <= keep_small_members.most
$$;

comment on function monitoring.keep_small_members(jsonb, integer) is
'Returns an object without its largest members, so that it has at most so many bytes. What all alerts of a notification
get a copy of must be small: a thousand copies of a large text would take a minute to sanitize.';

create function monitoring.is_allowed_link(url text)
returns boolean
language plpgsql
stable
strict
security invoker
set search_path = ''
as $$
declare
  -- The characters of a URL in RFC 3986. Browsers read a backslash as a slash and skip line breaks.
  c_characters constant text := '0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-._~:/?#[]@!$&''()*+,;=%';
  v_scheme text collate "C" := lower(split_part(is_allowed_link.url, '//', 1));
  v_host text collate "C";
begin
  if v_scheme <> all(array['http:', 'https:'])
    or length(is_allowed_link.url) > 2000
    or translate(is_allowed_link.url, c_characters, '') <> ''
  then
    return false;
  end if;
  -- Up to the path. It contains the port, and a user name, which matches no entry.
  v_host := lower(split_part(translate(substr(is_allowed_link.url, length(v_scheme) + 3), '?#', '//'), '/', 1));
  return exists (
    select
    from jsonb_array_elements_text(monitoring.config('incident_policy') -> 'link_hosts') as hosts (host)
    where v_host = hosts.host
      or (
        right(v_host, length(hosts.host) + 1) = '.' || hosts.host
        and translate(left(v_host, - length(hosts.host)), '0123456789abcdefghijklmnopqrstuvwxyz-.', '') = ''
        and left(v_host, 1) <> '.'
        and strpos(v_host, '..') = 0
      )
  );
end
$$;

comment on function monitoring.is_allowed_link(text) is
'Returns whether a URL is http or https and leads to a host in incident_policy.link_hosts, or a subdomain of one. An
entry without a port allows the default port only.';
