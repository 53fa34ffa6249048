-- Purpose: keeps the health-check targets as rows, derived from system_config, for the probes and the status pages.
-- Objects: table monitoring.probe_targets; functions monitoring.read_statuses, monitoring.read_probe_targets,
--   monitoring.sync_probe_targets; trigger probe_targets_follow_the_configuration.
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
  check_ins_from text[] not null
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

create function monitoring.read_probe_targets(targets jsonb)
returns setof monitoring.probe_targets
language sql
stable
strict
security invoker
set search_path = ''
as $$
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
    array(select names.name from jsonb_array_elements_text(filled.item -> 'check_ins_from') as names (name))
  from (
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
  ) as filled
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
  delete from monitoring.probe_targets
  where probe_targets.name not in (
    select given.name
    from monitoring.read_probe_targets(new.value) as given
  );

  insert into monitoring.probe_targets
  select given.*
  from monitoring.read_probe_targets(new.value) as given
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
      check_ins_from = excluded.check_ins_from;
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
