-- Purpose: keeps the health-check targets as rows, derived from system_config, for the probes and the status pages.
-- Objects: table monitoring.probe_targets; functions monitoring.is_paused_by_owner, monitoring.read_statuses,
--   monitoring.find_send_offsets, monitoring.read_probe_targets, monitoring.sync_probe_targets; trigger
--   probe_targets_follow_the_configuration.
-- Risks: the table is derived: a trigger overwrites it. Edit system_config.

create table monitoring.probe_targets (
  name text primary key,
  place integer not null,
  type public.target_type not null,
  url text,
  is_enabled boolean not null,
  is_public boolean not null,
  method text not null,
  headers jsonb not null,
  expected_status int4multirange not null,
  body_contains text,
  max_response_ms integer,
  timeout_ms integer not null,
  depends_on text,
  interval_minutes integer not null,
  cron text,
  period_minutes integer,
  grace_minutes integer not null,
  timezone text not null,
  max_run_minutes integer,
  check_ins_from text[] not null,
  send_offset_ms integer not null,
  retry_interval_seconds integer,
  failures_to_open integer,
  successes_to_close integer,
  severity public.incident_severity,
  group_name text,
  tags text[] not null,
  is_paused boolean not null,
  paused_until timestamptz,
  body text,
  content_type text,
  secret_headers jsonb not null,
  body_lacks text,
  json_path text,
  header_contains jsonb not null,
  confirm_from_service boolean
);

alter table monitoring.probe_targets enable row level security;

create policy probe_targets_is_read_by_nobody on monitoring.probe_targets
for select to authenticated
using (false);

revoke all on table monitoring.probe_targets from public, anon, authenticated, service_role;

comment on table monitoring.probe_targets is
'system_config.health_check_targets as rows, with defaults filled in. A trigger writes it: edit the configuration
instead.';

comment on column monitoring.probe_targets.name is 'Name of the target.';

comment on column monitoring.probe_targets.place is 'Position in the list, from 1.';

comment on column monitoring.probe_targets.type is 'Type of the target.';

comment on column monitoring.probe_targets.url is 'URL to probe. Null for a heartbeat.';

comment on column monitoring.probe_targets.is_enabled is
'Whether the target is probed, or its heartbeats are awaited.';

comment on column monitoring.probe_targets.is_public is 'Whether the public status page shows the target.';

comment on column monitoring.probe_targets.method is 'HTTP method: GET or POST.';

comment on column monitoring.probe_targets.headers is 'Headers of the request.';

comment on column monitoring.probe_targets.expected_status is 'Status codes of a successful response.';

comment on column monitoring.probe_targets.body_contains is
'Text that a successful response contains. Null for any body.';

comment on column monitoring.probe_targets.max_response_ms is
'Milliseconds above which a successful response is degraded. Null for no limit.';

comment on column monitoring.probe_targets.timeout_ms is 'Timeout of an attempt in milliseconds.';

comment on column monitoring.probe_targets.depends_on is 'Name of the target that this target needs in order to be up.';

comment on column monitoring.probe_targets.interval_minutes is 'Minutes between two rounds.';

comment on column monitoring.probe_targets.cron is
'Cron expression of the times at which a heartbeat is expected. Null for a period, and for other targets.';

comment on column monitoring.probe_targets.period_minutes is
'Minutes within which a heartbeat is expected after the one before. Null for a cron expression, and for other targets.';

comment on column monitoring.probe_targets.grace_minutes is 'Minutes that a heartbeat may be late.';

comment on column monitoring.probe_targets.timezone is 'Timezone of the cron expression.';

comment on column monitoring.probe_targets.max_run_minutes is
'Minutes within which a run that reported its start must end. Null when runs may take any time.';

comment on column monitoring.probe_targets.check_ins_from is
'Names of the public keys whose check-ins count as heartbeats.';

comment on column monitoring.probe_targets.send_offset_ms is
'Milliseconds after the beginning of a round at which the request is sent, 0 to 49,999. The same in every round: derived
from the name of the last target in the chain of depends_on, so that what depends on each other is checked together.';

comment on column monitoring.probe_targets.retry_interval_seconds is
'Seconds between two attempts of a round. Null for that of health_check_policy.';

comment on column monitoring.probe_targets.failures_to_open is
'Consecutive failed rounds that open an incident. Null for those of health_check_policy.';

comment on column monitoring.probe_targets.successes_to_close is
'Consecutive successful rounds that resolve the incident. Null for those of health_check_policy.';

comment on column monitoring.probe_targets.severity is
'Severity of the incident while the target is down. Null for that of its type.';

comment on column monitoring.probe_targets.group_name is 'Group under which status pages show the target.';

comment on column monitoring.probe_targets.tags is 'Words to find the target by.';

comment on column monitoring.probe_targets.is_paused is 'Whether the owner paused the target.';

comment on column monitoring.probe_targets.paused_until is
'Time at which the pause ends. Null for a pause without end.';

comment on column monitoring.probe_targets.body is 'Body of a POST request. Null for the default of pg_net.';

comment on column monitoring.probe_targets.content_type is 'Content-Type of the body.';

comment on column monitoring.probe_targets.secret_headers is
'Headers whose values are secrets: name of the header to name of the secret.';

comment on column monitoring.probe_targets.body_lacks is 'Text that a successful response does not contain.';

comment on column monitoring.probe_targets.json_path is
'SQL/JSON path predicate that the body of a successful response satisfies.';

comment on column monitoring.probe_targets.header_contains is
'Texts that headers of a successful response contain: name of the header to text.';

comment on column monitoring.probe_targets.confirm_from_service is
'Whether the service looks at the target before it counts as down. Null for what health_check_policy says.';

create function monitoring.is_paused_by_owner(target monitoring.probe_targets)
returns boolean
language sql
stable
security invoker
set search_path = ''
as $$
  select (is_paused_by_owner.target).is_paused
    and coalesce((is_paused_by_owner.target).paused_until > now(), true)
$$;

comment on function monitoring.is_paused_by_owner(monitoring.probe_targets) is
'Returns whether the owner of a target paused it, and the pause has not ended.';

create function monitoring.read_statuses(statuses jsonb)
returns int4multirange
language sql
immutable
strict
parallel safe
security invoker
set search_path = ''
as $$
  select range_agg(int4range(left(items.item, 3)::integer, right(items.item, 3)::integer, '[]'))
  from jsonb_array_elements_text(read_statuses.statuses) as items (item)
$$;

comment on function monitoring.read_statuses(jsonb) is
'Converts a list of status codes and ranges, such as [200, "300-399"], to a multirange.';

create function monitoring.find_send_offsets(targets jsonb)
returns table (name text, offset_ms integer)
language sql
immutable
strict
security invoker
set search_path = ''
as $$
  with target as materialized (
    select items.position, items.item ->> 'name' as name
    from jsonb_array_elements(find_send_offsets.targets) with ordinality as items (item, position)
  )

  select target.name, ('x' || left(md5(last.name), 7))::bit(28)::integer % 50000
  from target
  join monitoring.follow_dependencies(find_send_offsets.targets) as followed on followed.place = target.position
  join target as last on last.position = followed.last_place
$$;

comment on function monitoring.find_send_offsets(jsonb) is
'Returns the milliseconds after the beginning of a round at which each target is checked, 0 to 49,999: the same in every
round, spread evenly over the targets, and equal for targets that depend on each other.';

create function monitoring.read_probe_targets(targets jsonb)
returns setof monitoring.probe_targets
language sql
stable
strict
security invoker
set search_path = ''
as $$
  with filled as materialized ( -- each item is merged once, not for each of its fields
    select
      items.position,
      defaults.value || jsonb_strip_nulls(items.item) as item
    from jsonb_array_elements(read_probe_targets.targets) with ordinality as items (item, position)
    cross join (
      select jsonb_object_agg(config_field.field, config_field.default_value) as value
      from monitoring.config_field
      where config_field.entry = 'health_check_targets'
        and config_field.default_value is not null
    ) as defaults
  )

  select
    filled.item ->> 'name',
    filled.position::integer,
    (filled.item ->> 'type')::public.target_type,
    filled.item ->> 'url',
    (filled.item ->> 'enabled')::boolean,
    (filled.item ->> 'public')::boolean,
    filled.item ->> 'method',
    filled.item -> 'headers',
    monitoring.read_statuses(filled.item -> 'expected_status'),
    filled.item ->> 'body_contains',
    (filled.item ->> 'max_response_ms')::integer,
    (filled.item ->> 'timeout_ms')::integer,
    filled.item ->> 'depends_on',
    (filled.item ->> 'interval_minutes')::integer,
    filled.item ->> 'cron',
    (filled.item ->> 'period_minutes')::integer,
    (filled.item ->> 'grace_minutes')::integer,
    filled.item ->> 'timezone',
    (filled.item ->> 'max_run_minutes')::integer,
    array(select names.name from jsonb_array_elements_text(filled.item -> 'check_ins_from') as names (name)),
    send_offsets.offset_ms,
    (filled.item ->> 'retry_interval_seconds')::integer,
    (filled.item ->> 'failures_to_open')::integer,
    (filled.item ->> 'successes_to_close')::integer,
    (filled.item ->> 'severity')::public.incident_severity,
    filled.item ->> 'group',
    array(select words.word from jsonb_array_elements_text(filled.item -> 'tags') as words (word)),
    (filled.item ->> 'is_paused')::boolean,
    (filled.item ->> 'paused_until')::timestamp at time zone 'UTC',
    filled.item ->> 'body',
    filled.item ->> 'content_type',
    filled.item -> 'secret_headers',
    filled.item ->> 'body_lacks',
    filled.item ->> 'jsonb_path',
    filled.item -> 'header_contains',
    (filled.item ->> 'confirm_from_service')::boolean
  from filled
  join monitoring.find_send_offsets(read_probe_targets.targets) as send_offsets
    on send_offsets.name = filled.item ->> 'name'
$$;

comment on function monitoring.read_probe_targets(jsonb) is
'Converts a valid list of health-check targets to rows, with the defaults of missing fields.';

create function monitoring.sync_probe_targets()
returns trigger
language plpgsql
volatile
security definer
set search_path = ''
as $$
begin
  with given as materialized (
    select read.*
    from monitoring.read_probe_targets(new.value) as read
  ),

  removed as (
    delete from monitoring.probe_targets
    where probe_targets.name not in (select given.name from given)
  )

  insert into monitoring.probe_targets
  select given.*
  from given
  on conflict (name) do update
    set
      place = excluded.place,
      type = excluded.type,
      url = excluded.url,
      is_enabled = excluded.is_enabled,
      is_public = excluded.is_public,
      method = excluded.method,
      headers = excluded.headers,
      expected_status = excluded.expected_status,
      body_contains = excluded.body_contains,
      max_response_ms = excluded.max_response_ms,
      timeout_ms = excluded.timeout_ms,
      depends_on = excluded.depends_on,
      interval_minutes = excluded.interval_minutes,
      cron = excluded.cron,
      period_minutes = excluded.period_minutes,
      grace_minutes = excluded.grace_minutes,
      timezone = excluded.timezone,
      max_run_minutes = excluded.max_run_minutes,
      check_ins_from = excluded.check_ins_from,
      send_offset_ms = excluded.send_offset_ms,
      retry_interval_seconds = excluded.retry_interval_seconds,
      failures_to_open = excluded.failures_to_open,
      successes_to_close = excluded.successes_to_close,
      severity = excluded.severity,
      group_name = excluded.group_name,
      tags = excluded.tags,
      is_paused = excluded.is_paused,
      paused_until = excluded.paused_until,
      body = excluded.body,
      content_type = excluded.content_type,
      secret_headers = excluded.secret_headers,
      body_lacks = excluded.body_lacks,
      json_path = excluded.json_path,
      header_contains = excluded.header_contains,
      confirm_from_service = excluded.confirm_from_service
    -- Of thousands of targets, a change concerns few.
    where (probe_targets.*) is distinct from (excluded.*);
  perform monitoring.sync_heartbeats();
  return null;
end
$$;

comment on function monitoring.sync_probe_targets() is
'Updates monitoring.probe_targets and the heartbeats from the list just written to system_config. Security definer: who
may edit the configuration needs no right to write the derived tables.';

create trigger probe_targets_follow_the_configuration
after insert or update on public.system_config
for each row
when (new.key = 'health_check_targets')
execute function monitoring.sync_probe_targets();
