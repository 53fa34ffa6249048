-- Purpose: the health-check targets as rows, for the round, the trigger on answers and the judgement.
-- Objects: monitoring.probe_targets, kept in step with system_config.health_check_targets by a trigger.
-- Risks: derived, never edited: write system_config.

create table monitoring.probe_targets (
  name text primary key,
  place integer not null,
  type public.target_type not null,
  url text not null,
  is_enabled boolean not null,
  is_public boolean not null,
  method text not null,
  headers jsonb not null,
  expected_status int4multirange not null,
  body_contains text,
  max_response_ms integer,
  timeout_ms integer not null,
  depends_on text,
  interval_minutes integer not null
);

alter table monitoring.probe_targets enable row level security;

create policy probe_targets_is_read_by_nobody on monitoring.probe_targets
for select to authenticated
using (false);

revoke all on table monitoring.probe_targets from public, anon, authenticated, service_role;

comment on table monitoring.probe_targets is
'system_config.health_check_targets as rows, defaults filled in. Derived by a trigger: edit the configuration instead.';

comment on column monitoring.probe_targets.name is 'Name of the target.';

comment on column monitoring.probe_targets.place is 'Its place in the list, from 1.';

comment on column monitoring.probe_targets.type is 'What it is.';

comment on column monitoring.probe_targets.url is 'Address to probe.';

comment on column monitoring.probe_targets.is_enabled is 'Whether it is probed.';

comment on column monitoring.probe_targets.is_public is 'Whether the status page shows it to everybody.';

comment on column monitoring.probe_targets.method is 'GET or POST.';

comment on column monitoring.probe_targets.headers is 'Headers of the request.';

comment on column monitoring.probe_targets.expected_status is 'Status codes of a good answer.';

comment on column monitoring.probe_targets.body_contains is 'Text of a good answer. Null for any.';

comment on column monitoring.probe_targets.max_response_ms is
'Milliseconds above which a good answer is degraded. Null for never.';

comment on column monitoring.probe_targets.timeout_ms is 'Milliseconds after which a try is given up.';

comment on column monitoring.probe_targets.depends_on is 'Name of the target without which this one cannot be up.';

comment on column monitoring.probe_targets.interval_minutes is 'Minutes from one round to the next.';

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
'A list of status codes and ranges such as [200, "300-399"] as a set.';

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
    (filled.item ->> 'interval_minutes')::integer
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
'A valid list of health-check targets as rows, with the defaults of absent fields.';

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
      interval_minutes = excluded.interval_minutes;
  return null;
end
$$;

comment on function monitoring.sync_probe_targets() is
'Brings monitoring.probe_targets in step with the list just written.
Security definer: whoever may edit the configuration need not be able to write the derived table.';

create trigger probe_targets_follow_the_configuration
after insert or update on public.system_config
for each row
when (new.key = 'health_check_targets')
execute function monitoring.sync_probe_targets();
