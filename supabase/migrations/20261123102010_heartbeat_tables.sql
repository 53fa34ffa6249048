-- Purpose: keeps the state of each heartbeat: a target whose job reports to us, instead of being probed.
-- Objects: tables monitoring.heartbeats, monitoring.heartbeat_keys, monitoring.heartbeat_runs; functions
--   monitoring.find_next_heartbeat, monitoring.sync_heartbeats, monitoring.list_heartbeat_keys,
--   monitoring.rotate_heartbeat_key.
-- Risks: who knows a key can keep a dead job alive, so the keys are in a table of their own that only the owner reads.
--   Rows are created and deleted with the targets: see sync_probe_targets(). Locks are taken in the order of targets.

create table monitoring.heartbeats (
  target text primary key,
  schedule text not null,
  state text not null default 'waiting',
  next_expected_at timestamptz not null,
  excused_until timestamptz,
  running_since timestamptz,
  last_started_at timestamptz,
  last_ok_at timestamptz,
  last_failed_at timestamptz,
  last_exit_code smallint,
  last_duration_ms bigint,
  last_run_id text,
  last_sender text,
  last_refused_at timestamptz,
  last_refused_sender text,
  constraint heartbeat_state_is_known check (state in ('waiting', 'ok', 'missed', 'failed', 'too_long')),
  constraint exit_code_is_one_of_a_failure check (last_exit_code between 1 and 255),
  constraint duration_is_not_negative check (last_duration_ms >= 0)
)
with (fillfactor = 70); -- updated by each heartbeat

-- Check-ins and agents name the target in any case.
create unique index heartbeats_lower_target_idx on monitoring.heartbeats (lower(target));

alter table monitoring.heartbeats enable row level security;

create policy heartbeats_are_read_by_agents on monitoring.heartbeats
for select to authenticated
using (true);

revoke all on table monitoring.heartbeats from public, anon, authenticated, service_role;

-- Only for the view public.target_status, which runs with the privileges of its reader.
grant select on table monitoring.heartbeats to authenticated, service_role;

comment on table monitoring.heartbeats is
'State of each target of type heartbeat: what its job reported last, and when the next report is expected.';

comment on column monitoring.heartbeats.target is 'Name of the target.';

comment on column monitoring.heartbeats.schedule is
'When heartbeats are expected, and whether the target is enabled and paused, as one text: shows that the configuration
changed.';

comment on column monitoring.heartbeats.state is
'waiting: no heartbeat has arrived yet. ok: the last run succeeded. failed: it reported a failure. missed: none arrived
in time. too_long: a run has not ended in time. The next success makes it ok.';

comment on column monitoring.heartbeats.next_expected_at is
'When the next heartbeat is expected; with grace_minutes after it, one is missed.';

comment on column monitoring.heartbeats.excused_until is
'Nothing counts as missed before this time, because the judgement paused: heartbeats may still wait in the spool.';

comment on column monitoring.heartbeats.running_since is 'Start of the run that has not ended. Null without one.';

comment on column monitoring.heartbeats.last_started_at is 'Time of the last start that was reported.';

comment on column monitoring.heartbeats.last_ok_at is 'Time of the last success that was reported.';

comment on column monitoring.heartbeats.last_failed_at is 'Time of the last failure that was reported.';

comment on column monitoring.heartbeats.last_exit_code is 'Exit code of the last failure. Null when none was reported.';

comment on column monitoring.heartbeats.last_duration_ms is
'Milliseconds that the last run took, as reported or from its start to its end. Null when neither is known.';

comment on column monitoring.heartbeats.last_run_id is 'Id of the last check-in of a Sentry SDK.';

comment on column monitoring.heartbeats.last_sender is
'Who reported last: heartbeat (the key), public:<name of a public key>, agent:<subject> or server:default.';

comment on column monitoring.heartbeats.last_refused_at is
'Time of the last check-in of a public key that check_ins_from does not list. It counted for nothing.';

comment on column monitoring.heartbeats.last_refused_sender is 'Sender of that check-in.';

comment on constraint heartbeat_state_is_known on monitoring.heartbeats is
'state must be waiting, ok, missed, failed or too_long.';

comment on constraint exit_code_is_one_of_a_failure on monitoring.heartbeats is
'last_exit_code must be from 1 to 255, or empty: 0 is a success.';

comment on constraint duration_is_not_negative on monitoring.heartbeats is
'last_duration_ms must be 0 or more, or empty.';

comment on constraint heartbeats_pkey on monitoring.heartbeats is 'Each target has one row.';

create table monitoring.heartbeat_keys (
  target text primary key references monitoring.heartbeats (target) on delete cascade,
  key uuid not null default gen_random_uuid(),
  created_at timestamptz not null default now(),
  constraint heartbeat_keys_are_unique unique (key)
);

alter table monitoring.heartbeat_keys enable row level security;

create policy heartbeat_keys_is_read_by_nobody on monitoring.heartbeat_keys
for select to authenticated
using (false);

revoke all on table monitoring.heartbeat_keys from public, anon, authenticated, service_role;

comment on table monitoring.heartbeat_keys is
'Key of each heartbeat, the secret part of its URL. It stays while the target keeps its name and type.';

comment on column monitoring.heartbeat_keys.target is 'Name of the target.';

comment on column monitoring.heartbeat_keys.key is 'Random key.';

comment on column monitoring.heartbeat_keys.created_at is 'Time at which the key was made.';

comment on constraint heartbeat_keys_pkey on monitoring.heartbeat_keys is 'Each heartbeat has one key.';

comment on constraint heartbeat_keys_are_unique on monitoring.heartbeat_keys is 'Another heartbeat has this key.';

comment on constraint heartbeat_keys_target_fkey on monitoring.heartbeat_keys is
'target must be the name of a target of type heartbeat.';

create table monitoring.heartbeat_runs (
  target text not null references monitoring.heartbeats (target) on delete cascade,
  ended_at timestamptz not null,
  status text not null,
  duration_ms bigint,
  exit_code smallint,
  primary key (target, ended_at),
  constraint run_status_is_known check (status in ('ok', 'failed')),
  constraint run_duration_is_not_negative check (duration_ms >= 0),
  constraint run_exit_code_is_one_of_a_failure check (
    exit_code is null or (status = 'failed' and exit_code between 1 and 255)
  )
);

alter table monitoring.heartbeat_runs enable row level security;

create policy heartbeat_runs_is_read_by_nobody on monitoring.heartbeat_runs
for select to authenticated
using (false);

revoke all on table monitoring.heartbeat_runs from public, anon, authenticated, service_role;

comment on table monitoring.heartbeat_runs is
'The last 30 runs of each heartbeat, as its job reported their ends, for the page of the target.';

comment on column monitoring.heartbeat_runs.target is 'Name of the target.';

comment on column monitoring.heartbeat_runs.ended_at is 'Time of receipt of the report.';

comment on column monitoring.heartbeat_runs.status is 'ok or failed.';

comment on column monitoring.heartbeat_runs.duration_ms is
'Milliseconds that the run took, as reported or from its start to its end. Null when neither is known.';

comment on column monitoring.heartbeat_runs.exit_code is 'Exit code of a failure. Null when none was reported.';

comment on constraint run_status_is_known on monitoring.heartbeat_runs is 'status must be ok or failed.';

comment on constraint run_duration_is_not_negative on monitoring.heartbeat_runs is
'duration_ms must be 0 or more, or empty.';

comment on constraint run_exit_code_is_one_of_a_failure on monitoring.heartbeat_runs is
'exit_code must be from 1 to 255 if status is failed, or empty: 0 is a success.';

comment on constraint heartbeat_runs_pkey on monitoring.heartbeat_runs is
'There is a run of this heartbeat that ended at this time already.';

comment on constraint heartbeat_runs_target_fkey on monitoring.heartbeat_runs is
'target must be the name of a target of type heartbeat.';

create function monitoring.find_next_heartbeat(target monitoring.probe_targets, after timestamptz)
returns timestamptz
language sql
stable
strict
security invoker
set search_path = ''
as $$
  select coalesce(
    find_next_heartbeat.after + make_interval(mins => (find_next_heartbeat.target).period_minutes),
    -- Clocks differ: a heartbeat shortly before its time is the one that was expected then.
    monitoring.next_cron_time(
      (find_next_heartbeat.target).cron,
      (find_next_heartbeat.target).timezone,
      find_next_heartbeat.after + interval '30 seconds'
    ),
    'infinity'
  )
$$;

comment on function monitoring.find_next_heartbeat(monitoring.probe_targets, timestamptz) is
'Returns when the heartbeat of a target is expected that follows one at a time: a period later, or at the next time of
its cron expression that is more than 30 seconds later.';

create function monitoring.sync_heartbeats()
returns void
language plpgsql
volatile
security invoker
set search_path = ''
as $$
begin
  perform from monitoring.heartbeats order by heartbeats.target for update;
  delete from monitoring.heartbeats
  where not exists (
    select
    from monitoring.probe_targets
    where probe_targets.name = heartbeats.target
      and probe_targets.type = 'heartbeat'
  );

  insert into monitoring.heartbeats (target, schedule, next_expected_at)
  select
    given.name,
    given.schedule,
    monitoring.find_next_heartbeat(given.target, clock_timestamp())
  from (
    select
      probe_targets.name,
      probe_targets as target,
      concat_ws(
        ' ', probe_targets.cron, probe_targets.timezone, probe_targets.period_minutes, probe_targets.is_enabled,
        case when probe_targets.is_paused then 'paused' end
      ) as schedule
    from monitoring.probe_targets
    where probe_targets.type = 'heartbeat'
  ) as given
  where not exists (
    select
    from monitoring.heartbeats
    where heartbeats.target = given.name
      and heartbeats.schedule = given.schedule
  )
  order by given.name
  on conflict (target) do update
    set
      schedule = excluded.schedule,
      next_expected_at = excluded.next_expected_at,
      running_since = null,
      -- What was missed by the old schedule is over.
      state = case heartbeats.state when 'ok' then 'ok' else 'waiting' end;

  insert into monitoring.heartbeat_keys (target)
  select heartbeats.target
  from monitoring.heartbeats
  where not exists (select from monitoring.heartbeat_keys where heartbeat_keys.target = heartbeats.target)
  order by heartbeats.target;
end
$$;

comment on function monitoring.sync_heartbeats() is
'Creates and deletes the rows and keys of heartbeats as monitoring.probe_targets has them. One whose schedule changed,
or that was enabled, paused or resumed, starts anew: it waits for the next time.';

create function monitoring.list_heartbeat_keys()
returns table (name text, key uuid, path text)
language sql
stable
security invoker
set search_path = ''
as $$
  select heartbeat_keys.target, heartbeat_keys.key, '/heartbeat/' || heartbeat_keys.key
  from monitoring.heartbeat_keys
  order by heartbeat_keys.target
$$;

comment on function monitoring.list_heartbeat_keys() is
'Returns the key of each heartbeat and the path of its URL at the service, for the owner.';

create function monitoring.rotate_heartbeat_key(name text)
returns text
language plpgsql
volatile
strict
security invoker
set search_path = ''
as $$
declare
  v_key uuid;
begin
  update monitoring.heartbeat_keys
  set key = gen_random_uuid(), created_at = clock_timestamp()
  where heartbeat_keys.target = rotate_heartbeat_key.name
  returning heartbeat_keys.key into v_key;
  if v_key is null then
    perform monitoring.refuse_request(
      'PT404', format('there is no heartbeat %s', left(rotate_heartbeat_key.name, 100)), 'name',
      'select name from monitoring.list_heartbeat_keys() lists them.'
    );
  end if;
  return '/heartbeat/' || v_key;
end
$$;

comment on function monitoring.rotate_heartbeat_key(text) is
'Gives a heartbeat a new key and returns the path of its new URL. The old URL is answered with 404 at once.';
