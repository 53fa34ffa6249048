-- Purpose: reads single values from the body of a Sentry webhook, in which any field may be missing, null or of
--   another type.
-- Objects: functions monitoring.read_sentry_tags, monitoring.find_sentry_issue_id, monitoring.find_sentry_project,
--   monitoring.sentry_fingerprint, monitoring.find_sentry_name, monitoring.is_raised_by_sentry.
-- Risks: these functions must not raise, whatever the body contains. Uses no regular expression, because ingest
--   calls them.

create function monitoring.read_sentry_tags(tags jsonb)
returns jsonb
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $$
begin
  return (
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
  );
end
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
  select monitoring.delivery_fingerprint('sentry:' || sentry_fingerprint.kind, sentry_fingerprint.id)
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
  -- A name that is an e-mail address is redacted, and nobody at Sentry is our operator: then the next field identifies
  -- the person.
  select coalesce(
    (
      select named.line
      from (
        values
        (1, monitoring.sanitize_line(monitoring.read_lenient_text(find_sentry_name.person, 'name'), 200)),
        (2, monitoring.sanitize_line(monitoring.read_lenient_text(find_sentry_name.person, 'username'), 200)),
        (3, monitoring.sanitize_line(monitoring.read_lenient_text(find_sentry_name.person, 'slug'), 200))
      ) as named (place, line)
      where named.line <> ''
        and (named.line <> '[redacted]' or named.place = 3)
        and not monitoring.is_operator_name(named.line)
      order by named.place
      limit 1
    ),
    monitoring.sanitize_line('Sentry user ' || monitoring.read_lenient_text(find_sentry_name.person, 'id'), 200)
  )
$$;

comment on function monitoring.find_sentry_name(jsonb) is
'Returns the name of a Sentry user, team or application, sanitized. Null when it is unknown.';

create function monitoring.is_raised_by_sentry(level text, severity public.incident_severity, rule text)
returns boolean
language sql
stable
security invoker
set search_path = ''
as $$
  select coalesce(lower(is_raised_by_sentry.level) = 'fatal', false)
    and is_raised_by_sentry.severity < 'CRITICAL'
    and not exists (
      select
      from public.classification_rules
      where classification_rules.name = is_raised_by_sentry.rule
        and classification_rules.origin = 'operator'
        and classification_rules.severity is not null
    )
$$;

comment on function monitoring.is_raised_by_sentry(text, public.incident_severity, text) is
'Returns whether Sentry''s level makes an event CRITICAL: the level fatal does, unless a rule of the operator gave the
severity.';
