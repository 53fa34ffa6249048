-- Purpose: defines the kinds of agent actions, the actions that are running, and the checks before an action may
--   start.
-- Objects: tables monitoring.action_kinds, monitoring.running_actions; functions monitoring.is_in_deployment_window,
--   monitoring.count_begun_actions, monitoring.check_agent_action, monitoring.fail_running_actions,
--   monitoring.lock_action_starts, monitoring.stop_running_actions; triggers
--   configuration_changes_queue_with_agents, kill_switch_stops_what_is_running.
-- Risks: locks are taken in this order: the advisory lock of action starts and ends, the kill_switch row, the
--   incident. Waiters for the advisory lock are served in order, so setting the kill switch does not wait behind all
--   later callers.

create table monitoring.action_kinds (
  kind text primary key,
  flag text not null,
  is_deploying boolean not null default false,
  needs_confidence boolean not null default false,
  meaning text not null
);

alter table monitoring.action_kinds enable row level security;

create policy action_kinds_is_read_by_nobody on monitoring.action_kinds
for select to authenticated
using (false);

revoke all on table monitoring.action_kinds from public, anon, authenticated, service_role;

comment on table monitoring.action_kinds is 'Kinds of action that an agent may start, and the conditions of each.';

comment on column monitoring.action_kinds.kind is 'Name of the kind.';

comment on column monitoring.action_kinds.flag is 'Field of feature_flags that must be true.';

comment on column monitoring.action_kinds.is_deploying is 'Whether the action needs an open deployment window.';

comment on column monitoring.action_kinds.needs_confidence is
'Whether plan.confidence must reach incident_policy.auto_fix_min_confidence.';

comment on column monitoring.action_kinds.meaning is 'Description of the kind.';

insert into monitoring.action_kinds (kind, flag, is_deploying, needs_confidence, meaning)
values
('investigate', 'investigate', false, false, 'reading logs, data and code'),
('notify', 'email', false, false, 'notifying people'),
('auto_fix', 'auto_fix', false, true, 'applying a fix without a person'),
('restart', 'auto_fix', false, true, 'restarting a service'),
('deploy', 'deploy', true, false, 'deploying a new version'),
('rollback', 'deploy', true, false, 'rolling back to an earlier version');

create table monitoring.running_actions (
  action_id bigint primary key references public.agent_actions (id) on delete cascade,
  incident_id text references public.incidents (id) on delete cascade,
  agent text not null,
  kind text not null references monitoring.action_kinds (kind) on delete no action,
  begun_at timestamptz not null default clock_timestamp(),
  deadline timestamptz not null,
  constraint deadline_is_after_the_beginning check (deadline > begun_at)
);

create unique index running_actions_incident_idx on monitoring.running_actions (incident_id);

create index running_actions_kind_idx on monitoring.running_actions (kind);

create index running_actions_deadline_idx on monitoring.running_actions (deadline);

alter table monitoring.running_actions enable row level security;

create policy running_actions_is_read_by_nobody on monitoring.running_actions
for select to authenticated
using (false);

revoke all on table monitoring.running_actions from public, anon, authenticated, service_role;

comment on table monitoring.running_actions is
'Actions that have started and not finished. A unique index allows one per incident.';

comment on column monitoring.running_actions.action_id is 'Audit row of the start of the action.';

comment on column monitoring.running_actions.incident_id is 'Incident that the action belongs to.';

comment on column monitoring.running_actions.agent is 'Agent that runs the action.';

comment on column monitoring.running_actions.kind is 'Kind of the action.';

comment on column monitoring.running_actions.begun_at is 'Time at which the action started.';

comment on column monitoring.running_actions.deadline is 'Time at which the action counts as failed.';

create function monitoring.is_in_deployment_window(moment timestamptz)
returns boolean
language sql
stable
strict
security invoker
set search_path = ''
as $$
  select not policy.value -> 'freeze_dates' ? clock.time_there::date::text
    and (
      policy.value -> 'windows' = '[]'
      or exists (
        select
        from jsonb_array_elements(policy.value -> 'windows') as windows (item)
        where case
          when (windows.item ->> 'from')::time < (windows.item ->> 'to')::time
            then windows.item -> 'days' ? clock.today
              and clock.time_there::time >= (windows.item ->> 'from')::time
              and clock.time_there::time < (windows.item ->> 'to')::time
          -- An end that is not later than the start is on the next day.
          else (windows.item -> 'days' ? clock.today and clock.time_there::time >= (windows.item ->> 'from')::time)
            or (windows.item -> 'days' ? clock.yesterday and clock.time_there::time < (windows.item ->> 'to')::time)
        end
      )
    )
  from (select monitoring.config('deployment_windows') as value) as policy
  cross join lateral (
    select
      there.time_there,
      lower(to_char(there.time_there, 'Dy')) as today,
      lower(to_char(there.time_there - interval '1 day', 'Dy')) as yesterday
    from (
      select is_in_deployment_window.moment at time zone (policy.value ->> 'timezone') as time_there
    ) as there
  ) as clock
$$;

comment on function monitoring.is_in_deployment_window(timestamptz) is
'Returns whether deployment_windows allow deployments at a time. Without windows every time is allowed except
freeze_dates.';

create function monitoring.count_begun_actions(agent text)
returns bigint
language sql
stable
security invoker
set search_path = ''
as $$
  select count(*)
  from public.agent_actions
  where agent_actions.safety_verdict = 'allowed'
    and agent_actions.created_at > clock_timestamp() - interval '1 hour'
    and (count_begun_actions.agent is null or agent_actions.agent = count_begun_actions.agent)
    and not agent_actions.details @> '{"dry_run": true}'
$$;

comment on function monitoring.count_begun_actions(text) is
'Returns the number of actions that an agent, or all agents for null, started within the last hour.';

create function monitoring.check_agent_action(agent text, kind text, incident_id text, plan jsonb)
returns jsonb
language sql
volatile
security invoker
set search_path = ''
as $$
  select jsonb_agg(
    jsonb_build_object('check', checks.name, 'passed', checks.passed, 'detail', checks.detail) order by checks.position
  )
  from monitoring.action_kinds
  cross join lateral (
    select
      monitoring.config('kill_switch') as kill_switch,
      monitoring.config('feature_flags') as flags,
      monitoring.config('rate_limits') as limits,
      monitoring.config('incident_policy') as policy,
      case
        when jsonb_typeof(check_agent_action.plan -> 'confidence') = 'number'
          then (check_agent_action.plan ->> 'confidence')::numeric
      end as confidence,
      monitoring.count_begun_actions(check_agent_action.agent) as by_agent,
      monitoring.count_begun_actions(null) as by_all,
      (
        select running_actions.agent
        from monitoring.running_actions
        where running_actions.incident_id = check_agent_action.incident_id
      ) as runner
  ) as state
  cross join lateral (
    values
    (
      1, 'kill_switch', not (state.kill_switch ->> 'enabled')::boolean,
      coalesce(state.kill_switch ->> 'reason', 'kill_switch.enabled')
    ),
    (
      2, 'feature_flag', coalesce((state.flags ->> action_kinds.flag)::boolean, false),
      'feature_flags.' || action_kinds.flag
    ),
    (
      3, 'agent_rate_limit', state.by_agent < (state.limits ->> 'agent_actions_per_hour')::bigint,
      format('%s of %s an hour', state.by_agent, state.limits ->> 'agent_actions_per_hour')
    ),
    (
      4, 'global_rate_limit', state.by_all < (state.limits ->> 'all_agent_actions_per_hour')::bigint,
      format('%s of %s an hour', state.by_all, state.limits ->> 'all_agent_actions_per_hour')
    ),
    (
      5, 'deployment_window',
      not action_kinds.is_deploying or monitoring.is_in_deployment_window(clock_timestamp()),
      case when action_kinds.is_deploying then 'deployment_windows' else 'not needed' end
    ),
    (
      6, 'one_action_an_incident', state.runner is null,
      case
        when state.runner is null then 'no action is running'
        else format('%s is running an action', state.runner)
      end
    ),
    (
      7, 'confidence',
      not action_kinds.needs_confidence
      or coalesce(state.confidence >= (state.policy ->> 'auto_fix_min_confidence')::numeric, false),
      case
        when action_kinds.needs_confidence
          then format(
            '%s of at least %s', coalesce(state.confidence::text, 'none'), state.policy ->> 'auto_fix_min_confidence'
          )
        else 'not needed'
      end
    )
  ) as checks (position, name, passed, detail)
  where action_kinds.kind = check_agent_action.kind
$$;

comment on function monitoring.check_agent_action(text, text, text, jsonb) is
'Returns every check of an action with its result: a list of {"check", "passed", "detail"}.';

create function monitoring.fail_running_actions(reason text, overdue_only boolean)
returns bigint
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  v_count bigint;
begin
  perform pg_advisory_xact_lock(20261126, 1);
  with ended as (
    delete from monitoring.running_actions
    where not fail_running_actions.overdue_only
      or running_actions.deadline <= clock_timestamp()
    returning running_actions.*
  ),

  audited as (
    insert into public.agent_actions (agent, action, incident_id, success, error, duration_ms, finishes_id)
    select
      ended.agent,
      ended.kind || '_finished',
      ended.incident_id,
      false,
      fail_running_actions.reason,
      least(extract(epoch from clock_timestamp() - ended.begun_at) * 1000, 2147483647)::integer,
      ended.action_id
    from ended
    order by ended.incident_id, ended.action_id
  )

  select count(*)
  into v_count
  from ended;
  return v_count;
end
$$;

comment on function monitoring.fail_running_actions(text, boolean) is
'Ends running actions as failed, all or only those past their deadline, with an audit row each. Returns their number.';

create function monitoring.lock_action_starts()
returns trigger
language plpgsql
volatile
security definer
set search_path = ''
as $$
begin
  perform pg_advisory_xact_lock(20261126, 1);
  return null;
end
$$;

comment on function monitoring.lock_action_starts() is
'Takes the advisory lock of action starts and ends before a row of system_config is locked. Security definer, like
the trigger function that ends running actions.';

create trigger configuration_changes_queue_with_agents
before update on public.system_config
for each statement execute function monitoring.lock_action_starts();

create function monitoring.stop_running_actions()
returns trigger
language plpgsql
volatile
security definer
set search_path = ''
as $$
begin
  perform monitoring.fail_running_actions('stopped by the kill switch', false);
  return null;
end
$$;

comment on function monitoring.stop_running_actions() is
'Ends all running actions when the kill switch is set. Security definer: who may set it needs no right to write the
audit trail.';

create trigger kill_switch_stops_what_is_running
after update on public.system_config
for each row
when (new.key = 'kill_switch' and new.value ->> 'enabled' = 'true')
execute function monitoring.stop_running_actions();
