-- Purpose: reads single values from the body of a Sentry webhook, in which any field may be missing, null or of
--   another type.
-- Objects: functions monitoring.read_lenient_text, monitoring.read_timestamp, monitoring.read_sentry_tags,
--   monitoring.find_sentry_issue_id, monitoring.find_sentry_project, monitoring.sentry_fingerprint,
--   monitoring.find_sentry_name, monitoring.is_allowed_link.
-- Risks: these functions must not raise, whatever the body contains. Uses no regular expression, because ingest
--   calls them.

create function monitoring.read_lenient_text(holder jsonb, variadic path text[])
returns text
language sql
immutable
parallel safe
security invoker
set search_path = ''
as $$
  select case
    when jsonb_typeof(read_lenient_text.holder #> read_lenient_text.path) in ('string', 'number')
      then nullif(btrim(left(read_lenient_text.holder #>> read_lenient_text.path, 65536), e' \t\r\n'), '')
  end
$$;

comment on function monitoring.read_lenient_text(jsonb, text[]) is
'Returns the text or number at a path as trimmed text. Null for other types and for blank text.';

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
  -- Sentry's clock may be slightly ahead of ours. A time more than a day ahead is not plausible.
  return case
    when v_moment between '2000-01-01 00:00:00+00' and now() + interval '1 day' then least(v_moment, clock_timestamp())
  end;
end
$$;

comment on function monitoring.read_timestamp(jsonb) is
'Returns a time given in ISO 8601, or as seconds or milliseconds since 1970. Null when it is invalid or more than a
day in the future.';

create function monitoring.read_sentry_tags(tags jsonb)
returns jsonb
language sql
immutable
parallel safe
security invoker
set search_path = ''
as $$
  select coalesce(jsonb_object_agg(left(tag.key, 200), tag.value), '{}')
  from (
    select
      case jsonb_typeof(item) when 'array' then item ->> 0 when 'object' then item ->> 'key' end as key,
      case jsonb_typeof(item) when 'array' then item ->> 1 when 'object' then item ->> 'value' end as value
    from jsonb_array_elements(
      case jsonb_typeof(read_sentry_tags.tags) when 'array' then read_sentry_tags.tags else '[]' end
    ) as items (item)
    union all
    select member.key, member.value
    from jsonb_each_text(
      case jsonb_typeof(read_sentry_tags.tags) when 'object' then read_sentry_tags.tags else '{}' end
    ) as member (key, value)
    limit 200
  ) as tag
  where tag.key <> '' and tag.value is not null
$$;

comment on function monitoring.read_sentry_tags(jsonb) is
'Returns tags as one object, from pairs, {"key", "value"} objects or an object. Other values are ignored.';

create function monitoring.find_sentry_issue_id(event jsonb)
returns text
language sql
immutable
parallel safe
security invoker
set search_path = ''
as $$
  select coalesce(
    monitoring.read_lenient_text(find_sentry_issue_id.event, 'issue_id'),
    monitoring.read_lenient_text(find_sentry_issue_id.event, 'groupID'),
    (
      select found.id
      from unnest(array['issue_url', 'web_url', 'url']) with ordinality as fields (field, position)
      cross join lateral (
        select split_part(
          split_part(
            split_part(monitoring.read_lenient_text(find_sentry_issue_id.event, fields.field), '/issues/', 2), '/', 1
          ),
          '?', 1
        )
      ) as found (id)
      where found.id <> '' and translate(found.id, '0123456789', '') = ''
      order by fields.position
      limit 1
    )
  )
$$;

comment on function monitoring.find_sentry_issue_id(jsonb) is
'Returns the id of the issue of an event, from its fields or its links. Null when it is unknown.';

create function monitoring.find_sentry_project(event jsonb)
returns text
language sql
immutable
parallel safe
security invoker
set search_path = ''
as $$
  select coalesce(
    monitoring.read_lenient_text(find_sentry_project.event, 'project_slug'),
    monitoring.read_lenient_text(find_sentry_project.event, 'project', 'slug'),
    nullif(
      split_part(split_part(monitoring.read_lenient_text(find_sentry_project.event, 'url'), '/projects/', 2), '/', 2), ''
    ),
    monitoring.read_lenient_text(find_sentry_project.event, 'project_name'),
    monitoring.read_lenient_text(find_sentry_project.event, 'project', 'name'),
    monitoring.read_lenient_text(find_sentry_project.event, 'project')
  )
$$;

comment on function monitoring.find_sentry_project(jsonb) is
'Returns the slug of the project of an event or issue, from its fields or its API URL; else the name or number of the
project.';

create function monitoring.sentry_fingerprint(kind text, id text)
returns text
language sql
immutable
parallel safe
security invoker
set search_path = ''
as $$
  -- An id is kept as it is; any other value is hashed, because it could be long or a secret.
  select 'sentry:' || sentry_fingerprint.kind || ':' || case
    when length(sentry_fingerprint.id) <= 64
      and translate(
        lower(sentry_fingerprint.id collate "C"), '0123456789abcdefghijklmnopqrstuvwxyz_-', ''
      ) = ''
      then sentry_fingerprint.id
    else encode(sha256(convert_to(sentry_fingerprint.id, 'UTF8')), 'hex')
  end
$$;

comment on function monitoring.sentry_fingerprint(text, text) is
'Returns the fingerprint of a Sentry issue or metric alert, such as sentry:issue:6700000001. Null without an id.';

create function monitoring.find_sentry_name(person jsonb)
returns text
language sql
stable
parallel safe
security invoker
set search_path = ''
as $$
  -- A name that is an e-mail address is redacted; the next field then identifies the person.
  select coalesce(
    nullif(monitoring.sanitize_line(monitoring.read_lenient_text(find_sentry_name.person, 'name'), 200), '[redacted]'),
    nullif(monitoring.sanitize_line(monitoring.read_lenient_text(find_sentry_name.person, 'username'), 200), '[redacted]'),
    monitoring.sanitize_line(monitoring.read_lenient_text(find_sentry_name.person, 'slug'), 200),
    monitoring.sanitize_line('Sentry user ' || monitoring.read_lenient_text(find_sentry_name.person, 'id'), 200)
  )
$$;

comment on function monitoring.find_sentry_name(jsonb) is
'Returns the name of a Sentry user, team or application, sanitized. Null when it is unknown.';

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
