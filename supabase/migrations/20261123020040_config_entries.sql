-- Purpose: creates system_config, the 9 settings that an operator edits, validates each write and reads an entry
--   with its defaults.
-- Objects: table public.system_config; functions monitoring.validate_system_config,
--   monitoring.refuse_system_config_truncate, monitoring.config, monitoring.is_kill_switch_on,
--   monitoring.is_feature_on, monitoring.read_limit, monitoring.seed_system_config; triggers
--   system_config_is_validated, system_config_is_not_truncated.
-- Risks: ingest reads the entries, so none of them can be deleted, renamed or truncated. A rejected write keeps the
--   last valid value. Whatever permits an action fails safe: a missing or unreadable value permits nothing.

create table public.system_config (
  key text primary key,
  value jsonb not null,
  description text not null,
  updated_at timestamptz not null default now(),
  updated_by text not null default current_user,
  constraint key_is_known check (
    key in (
      'kill_switch', 'feature_flags', 'rate_limits', 'deployment_windows', 'health_check_targets',
      'health_check_policy', 'incident_policy', 'retention', 'notification_recipients'
    )
  )
);

alter table public.system_config enable row level security;

create policy system_config_is_read_by_nobody on public.system_config
for select to authenticated
using (false);

revoke all on table public.system_config from public, anon, authenticated, service_role;

grant select on table public.system_config to authenticated, service_role;

comment on table public.system_config is
'The 9 settings of the monitoring agent, edited in the dashboard. Invalid values are rejected with the reason.';

comment on column public.system_config.key is 'Name of the entry. The 9 names are fixed.';

comment on column public.system_config.value is
'Settings: an object, or a list of objects for health_check_targets and notification_recipients.';

comment on column public.system_config.description is 'Purpose of the entry.';

comment on column public.system_config.updated_at is 'Time of the last write.';

comment on column public.system_config.updated_by is 'Database role of the last write.';

-- What a person who edits the table directly is told when a row is refused.
comment on constraint key_is_known on public.system_config is
'key must be one of the 9 entries: kill_switch, feature_flags, rate_limits, deployment_windows, health_check_targets,
health_check_policy, incident_policy, retention, notification_recipients. Edit the value of an entry instead.';

comment on constraint system_config_pkey on public.system_config is
'There is an entry of this name already. Edit its value instead.';

create function monitoring.validate_system_config()
returns trigger
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  v_problem text;
  v_is_list boolean;
begin
  if tg_op = 'DELETE' then
    raise exception using
      errcode = 'check_violation',
      message = format('system_config.%s cannot be deleted', old.key),
      hint = 'The 9 entries are fixed. Set its value to {} (or [] where it is a list) for the defaults.';
  end if;
  if tg_op = 'UPDATE' and new.key <> old.key then
    raise exception using
      errcode = 'check_violation',
      message = format('system_config.%s cannot be renamed', old.key),
      hint = 'Change the value, not the key.';
  end if;

  if not exists (select from monitoring.config_field where config_field.entry = new.key) then
    return new; -- the check constraint of the table rejects an unknown key
  end if;

  v_is_list := new.key in ('health_check_targets', 'notification_recipients');
  if v_is_list and jsonb_typeof(new.value) <> 'array' then
    v_problem := format('%s must be a JSON list of objects', new.key);
  elsif v_is_list then
    select monitoring.find_config_problem(new.key, items.item, format('%s[%s]', new.key, items.position - 1)) as problem
    into v_problem
    from jsonb_array_elements(new.value) with ordinality as items (item, position)
    left join (
      select distinct stored.item
      from public.system_config
      cross join jsonb_array_elements(system_config.value) as stored (item)
      where system_config.key = new.key
    ) as former on former.item = items.item
    where former.item is null
      and monitoring.find_config_problem(new.key, items.item, '') is not null
    order by items.position
    limit 1;
  else
    v_problem := monitoring.find_config_problem(new.key, new.value, new.key);
  end if;
  v_problem := coalesce(
    v_problem,
    monitoring.find_health_check_problem(new.key, new.value),
    monitoring.find_notification_problem(new.key, new.value),
    monitoring.find_webhook_problem(new.key, new.value)
  );
  if v_problem is not null then
    -- It can quote a name from the value, and the value can hold a secret.
    v_problem := monitoring.sanitize_text(v_problem, 2000);
    raise exception using
      errcode = 'check_violation',
      message = v_problem,
      hint = 'The last valid value stays in effect. Correct the field and save again.';
  end if;

  new.updated_at := now();
  new.updated_by := current_user::text;
  return new;
end
$$;

comment on function monitoring.validate_system_config() is
'Rejects an invalid configuration value with the name of the field, and the deletion or renaming of an entry.';

create trigger system_config_is_validated
before insert or update or delete on public.system_config
for each row execute function monitoring.validate_system_config();

create function monitoring.refuse_system_config_truncate()
returns trigger
language plpgsql
volatile
security invoker
set search_path = ''
as $$
begin
  raise exception using
    errcode = 'check_violation',
    message = 'system_config cannot be truncated',
    hint = 'The 9 entries are fixed. Set a value to {} (or [] where it is a list) for the defaults.';
end
$$;

comment on function monitoring.refuse_system_config_truncate() is
'Rejects TRUNCATE on system_config, without whose entries ingest cannot work.';

create trigger system_config_is_not_truncated
before truncate on public.system_config
for each statement execute function monitoring.refuse_system_config_truncate();

create function monitoring.config(entry text)
returns jsonb
language plpgsql
stable
strict
parallel safe
security invoker
set search_path = ''
as $$
begin
  return (
    select coalesce(defaults.value, '{}'::jsonb) || jsonb_strip_nulls(system_config.value)
    from public.system_config
    cross join (
      select jsonb_object_agg(config_field.field, config_field.default_value) as value
      from monitoring.config_field
      where config_field.entry = config.entry
        and config_field.default_value is not null
    ) as defaults
    where system_config.key = config.entry
  );
end
$$;

comment on function monitoring.config(text) is
'Returns a configuration entry that is an object, with the defaults of its missing fields.';

create function monitoring.is_kill_switch_on()
returns boolean
language sql
stable
security invoker
set search_path = ''
as $$
  select not exists (
    select
    from public.system_config
    where system_config.key = 'kill_switch'
      and system_config.value -> 'enabled' = 'false'
  )
$$;

comment on function monitoring.is_kill_switch_on() is
'Returns whether the kill switch is on: always, unless kill_switch.enabled is stored as false. A missing row, a missing
field and any other value count as on.';

create function monitoring.is_feature_on(flag text)
returns boolean
language sql
stable
security invoker
set search_path = ''
as $$
  select coalesce(monitoring.config('feature_flags') -> is_feature_on.flag = 'true', false)
$$;

comment on function monitoring.is_feature_on(text) is
'Returns whether a flag of feature_flags is true. A missing entry and any other value count as false.';

create function monitoring.read_limit(entry text, field text)
returns numeric
language sql
stable
security invoker
set search_path = ''
as $$
  select case when jsonb_typeof(given.value) = 'number' then (given.value #>> '{}')::numeric end
  from (select monitoring.config(read_limit.entry) -> read_limit.field as value) as given
$$;

comment on function monitoring.read_limit(text, text) is
'Returns a number of the configuration. Null when it is missing or no number: then nothing is within the limit.';

create function monitoring.seed_system_config()
returns void
language sql
volatile
security invoker
set search_path = ''
as $$
  insert into public.system_config (key, value, description)
  values
  ('kill_switch', '{"enabled": false}', 'Stops all agents. Detection and notifications continue.'),
  ('feature_flags', '{"monitoring": true, "auto_fix": false, "email": false}', 'Switches parts of the agent on and off.'),
  (
    'rate_limits',
    '{"new_incidents_per_minute": 5000, "agent_actions_per_hour": 60, "all_agent_actions_per_hour": 200}',
    'Limits per minute and per hour.'
  ),
  (
    'deployment_windows', '{"timezone": "UTC", "windows": [], "freeze_dates": []}',
    'When agents may deploy. Without windows: at any time except the freeze dates.'
  ),
  ('health_check_targets', '[]', 'The URLs to probe.'),
  (
    'health_check_policy', '{"attempts": 3, "successes_to_close": 2, "allow_private": false}',
    'When a failed health check counts, and when its incident is resolved.'
  ),
  (
    'incident_policy', '{"reopen_window": "24 hours"}',
    'How repeats, actions of agents and security events affect incidents.'
  ),
  (
    'retention', '{"agent_actions_days": 365, "monitoring_checks_days": 90, "receipts_hours": 24}',
    'How long rows are kept.'
  ),
  ('notification_recipients', '[]', 'The channels that are notified of incidents.')
  on conflict (key) do nothing
$$;

comment on function monitoring.seed_system_config() is
'Inserts the entries of system_config that are missing, with their first values.';
