-- Purpose: defines the kinds of agent actions, the actions that are running, and the checks before an action may
--   start.
-- Objects: tables monitoring.action_kinds, monitoring.running_actions; functions monitoring.seed_action_kinds,
--   monitoring.is_in_deployment_window, monitoring.count_begun_actions, monitoring.find_approved_fix,
--   monitoring.list_check_remedies, monitoring.check_agent_action, monitoring.fail_running_actions,
--   monitoring.lock_changes_in_steps, monitoring.lock_action_starts, monitoring.stop_running_actions; triggers
--   configuration_changes_queue_with_agents, kill_switch_stops_what_is_running.
-- Risks: locks are taken in this order: the advisory lock of action starts and ends, that of changes of incidents in
--   several steps, the kill_switch row, incidents by fingerprint, the heads of audit chains. Arguments are checked
--   before all of them. A check whose configuration is missing or unreadable fails. Waiters for the advisory lock are
--   served in order, so setting the kill switch does not wait behind all later callers. The docs list the order of all
--   locks: docs/architecture.md.

create table monitoring.action_kinds (
  kind text primary key,
  flag text not null,
  is_deploying boolean not null default false,
  needs_confidence boolean not null default false,
  needs_approved_fix boolean not null default false,
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

comment on column monitoring.action_kinds.needs_approved_fix is
'Whether plan.knowledge_id must name a known fix whose code agents may run.';

comment on column monitoring.action_kinds.meaning is 'Description of the kind.';

create function monitoring.seed_action_kinds()
returns void
language sql
volatile
security invoker
set search_path = ''
as $$
  insert into monitoring.action_kinds (kind, flag, is_deploying, needs_confidence, needs_approved_fix, meaning)
  values
  ('investigate', 'investigate', false, false, false, 'reading logs, data and code'),
  ('notify', 'email', false, false, false, 'notifying people'),
  ('auto_fix', 'auto_fix', false, true, true, 'applying a known fix without a person'),
  ('restart', 'auto_fix', false, true, false, 'restarting a service'),
  ('deploy', 'deploy', true, false, false, 'deploying a new version'),
  ('rollback', 'deploy', true, false, false, 'rolling back to an earlier version')
  on conflict (kind) do nothing
$$;

comment on function monitoring.seed_action_kinds() is
'Inserts the kinds of action that are missing.';

create table monitoring.running_actions (
  action_id bigint primary key references public.agent_actions (id) on delete cascade,
  incident_id text references public.incidents (id) on delete cascade,
  agent text not null,
  caller text not null default monitoring.current_caller(),
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

comment on column monitoring.running_actions.agent is 'Name that the agent gave itself.';

comment on column monitoring.running_actions.caller is
'Who started the action, from the access token. Only this caller and service_role may finish it.';

comment on column monitoring.running_actions.kind is 'Kind of the action.';

comment on column monitoring.running_actions.begun_at is 'Time at which the action started.';

comment on column monitoring.running_actions.deadline is 'Time at which the action counts as failed.';

create function monitoring.is_in_deployment_window(moment timestamptz)
returns boolean
language plpgsql
stable
strict
security invoker
set search_path = ''
as $$
declare
  v_policy jsonb := monitoring.config('deployment_windows');
  v_there timestamp;
  v_today text;
  v_yesterday text;
begin
  if v_policy is null then
    return false;
  end if;
  v_there := is_in_deployment_window.moment at time zone (v_policy ->> 'timezone');
  v_today := lower(to_char(v_there, 'Dy'));
  v_yesterday := lower(to_char(v_there - interval '1 day', 'Dy'));
  return coalesce(
    not v_policy -> 'freeze_dates' ? v_there::date::text
    and (
      v_policy -> 'windows' = '[]'
      or exists (
        select
        from jsonb_array_elements(v_policy -> 'windows') as windows (item)
        where case
          when (windows.item ->> 'from')::time < (windows.item ->> 'to')::time
            then windows.item -> 'days' ? v_today
              and v_there::time >= (windows.item ->> 'from')::time
              and v_there::time < (windows.item ->> 'to')::time
          -- An end that is not later than the start is on the next day.
          else (windows.item -> 'days' ? v_today and v_there::time >= (windows.item ->> 'from')::time)
            or (windows.item -> 'days' ? v_yesterday and v_there::time < (windows.item ->> 'to')::time)
        end
      )
    ),
    false
  );
exception
  when data_exception then
    return false; -- an unreadable configuration allows no deployment
end
$$;

comment on function monitoring.is_in_deployment_window(timestamptz) is
'Returns whether deployment_windows allow deployments at a time. Without windows every time is allowed except
freeze_dates. A missing or unreadable entry allows none.';

create function monitoring.count_begun_actions(caller text)
returns bigint
language plpgsql
stable
security invoker
set search_path = ''
as $$
declare
  -- A volatile function in the condition would keep the index from being used for it.
  c_since constant timestamptz := clock_timestamp() - interval '1 hour';
begin
  return (
    select count(*)
    from public.agent_actions
    where agent_actions.safety_verdict = 'allowed'
      and not agent_actions.details @> '{"dry_run": true}'
      and agent_actions.created_at > c_since
      and (count_begun_actions.caller is null or agent_actions.caller = count_begun_actions.caller)
  );
end
$$;

comment on function monitoring.count_begun_actions(text) is
'Returns the number of actions that a caller, or all callers for null, started within the last hour.';

create function monitoring.find_approved_fix(plan jsonb)
returns bigint
language sql
stable
security invoker
set search_path = ''
as $$
  select error_knowledge.id
  from public.error_knowledge
  where error_knowledge.id = case
    when find_approved_fix.plan ->> 'knowledge_id' ~ '^[0-9]{1,18}$'
      then (find_approved_fix.plan ->> 'knowledge_id')::bigint
  end
    and error_knowledge.is_approved
    and error_knowledge.is_auto_fix_allowed
$$;

comment on function monitoring.find_approved_fix(jsonb) is
'Returns plan.knowledge_id if it is a known fix that was approved and whose code agents may run, else null.';

create function monitoring.check_agent_action(kind text, incident_id text, plan jsonb)
returns jsonb
language sql
volatile
security invoker
set search_path = ''
as $$
  select jsonb_agg(
    jsonb_build_object('check', checks.name, 'passed', coalesce(checks.passed, false), 'detail', checks.detail)
    order by checks.position
  )
  from monitoring.action_kinds
  cross join lateral (
    select
      monitoring.read_limit('rate_limits', 'agent_actions_per_hour') as caller_limit,
      monitoring.read_limit('rate_limits', 'all_agent_actions_per_hour') as total_limit,
      monitoring.read_limit('incident_policy', 'auto_fix_min_confidence') as min_confidence,
      case
        when jsonb_typeof(check_agent_action.plan -> 'confidence') = 'number'
          then (check_agent_action.plan ->> 'confidence')::numeric
      end as confidence,
      monitoring.count_begun_actions(monitoring.current_caller()) as by_caller,
      monitoring.count_begun_actions(null) as by_all,
      (
        select running_actions.agent
        from monitoring.running_actions
        where running_actions.incident_id = check_agent_action.incident_id
      ) as runner,
      (
        select monitoring.describe_claim(incidents)
        from public.incidents
        where incidents.id = check_agent_action.incident_id
          and monitoring.is_claimed_by_another(incidents)
      ) as claim_of_another
  ) as state
  cross join lateral (
    values
    (
      1, 'kill_switch', not monitoring.is_kill_switch_on(),
      coalesce(monitoring.config('kill_switch') ->> 'reason', 'kill_switch.enabled')
    ),
    (2, 'feature_flag', monitoring.is_feature_on(action_kinds.flag), 'feature_flags.' || action_kinds.flag),
    (
      3, 'agent_rate_limit', state.by_caller < state.caller_limit,
      format('%s of %s an hour', state.by_caller, coalesce(state.caller_limit, 0))
    ),
    (
      4, 'global_rate_limit', state.by_all < state.total_limit,
      format('%s of %s an hour', state.by_all, coalesce(state.total_limit, 0))
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
      not action_kinds.needs_confidence or state.confidence >= state.min_confidence,
      case
        when action_kinds.needs_confidence
          then format('%s of at least %s', coalesce(state.confidence::text, 'none'), coalesce(state.min_confidence, 1))
        else 'not needed'
      end
    ),
    (
      8, 'approved_fix',
      not action_kinds.needs_approved_fix or monitoring.find_approved_fix(check_agent_action.plan) is not null,
      case
        when action_kinds.needs_approved_fix
          then 'plan.knowledge_id must name an approved fix whose code agents may run'
        else 'not needed'
      end
    ),
    (9, 'claim', state.claim_of_another is null, coalesce(state.claim_of_another, 'nobody else holds the incident'))
  ) as checks (position, name, passed, detail)
  where action_kinds.kind = check_agent_action.kind
$$;

comment on function monitoring.check_agent_action(text, text, jsonb) is
'Returns every check of an action of the current caller with its result: a list of {"check", "passed", "detail"}. A
check that cannot be decided fails.';

create function monitoring.list_check_remedies()
returns table (name text, remedy text)
language sql
immutable
parallel safe
security invoker
set search_path = ''
as $$
  values
  (
    'kill_switch',
    'A person stopped all agents: do not act, and do not try again until a person releases the kill switch.'
  ),
  (
    'feature_flag',
    'A person has to switch on the named flag in system_config: say what you would have done with add_incident_note().'
  ),
  ('agent_rate_limit', 'You began too many actions within the last hour: wait, then call again.'),
  ('global_rate_limit', 'All agents together began too many actions within the last hour: wait, then call again.'),
  ('deployment_window', 'Deployments are not allowed now: agent_guide() has the windows; wait for the next one.'),
  (
    'one_action_an_incident',
    'Another action runs for this incident: take another incident, or wait until that action ends.'
  ),
  ('confidence', 'Send plan.confidence from 0 to 1. If you are not that sure, leave the action to a person.'),
  (
    'approved_fix',
    'Send plan.knowledge_id of a fix with is_auto_fix_allowed; only a person approves one: see search_error_knowledge().'
  ),
  ('claim', 'Another agent has claimed this incident: call claim_next_incident() for one that is free.')
$$;

comment on function monitoring.list_check_remedies() is
'Returns what an agent should do when a check of check_agent_action() fails, by the name of the check.';

create function monitoring.fail_running_actions(reason text, overdue_only boolean)
returns bigint
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  c_now constant timestamptz := clock_timestamp();
  v_locked text[];
  v_count bigint;
begin
  perform pg_advisory_xact_lock(20261126, 1);
  if fail_running_actions.overdue_only then
    -- What somebody else is changing is ended by the next run.
    v_locked := array(
      select incidents.id
      from public.incidents
      where incidents.id in (
        select running_actions.incident_id from monitoring.running_actions where running_actions.deadline <= c_now
      )
      order by incidents.fingerprint, incidents.id
      for no key update skip locked
    );
  else
    v_locked := array(
      select incidents.id
      from public.incidents
      where incidents.id in (select running_actions.incident_id from monitoring.running_actions)
      order by incidents.fingerprint, incidents.id
      for no key update
    );
  end if;

  with ended as (
    delete from monitoring.running_actions
    where (not fail_running_actions.overdue_only or running_actions.deadline <= c_now)
      and (running_actions.incident_id is null or running_actions.incident_id = any(v_locked))
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
    -- Each row locks the head of its chain: those of incidents first, and that of the caller last.
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

create function monitoring.lock_changes_in_steps()
returns boolean
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  c_former constant text := current_setting('lock_timeout');
begin
  perform set_config('lock_timeout', '5s', true);
  perform pg_advisory_xact_lock(20261126, 3);
  perform set_config('lock_timeout', c_former, true);
  return true;
exception
  -- A deadlock: the judgement waits for a row that this session has changed before the configuration.
  when lock_not_available or deadlock_detected then
    return false;
end
$$;

comment on function monitoring.lock_changes_in_steps() is
'Takes the advisory lock of changes of incidents in several steps, and returns whether it was free within 5 seconds. A
judgement that waits for an incident that a session left locked keeps it. The kill switch, and who tells that nothing is
judged, must not wait for that.';

create function monitoring.lock_action_starts()
returns trigger
language plpgsql
volatile
security definer
set search_path = ''
as $$
begin
  perform pg_advisory_xact_lock(20261126, 1);
  if tg_table_name = 'system_config' then
    -- Without it, stop_running_actions() tries again after a deadlock.
    perform monitoring.lock_changes_in_steps();
  end if;
  return null;
end
$$;

comment on function monitoring.lock_action_starts() is
'Takes the advisory lock of action starts and ends before a row is locked, and before one of system_config that of
changes of incidents in several steps too, see lock_changes_in_steps(): the kill switch and the judgement of health
checks wait for each other here, instead of for incidents. Security definer, like the trigger function that ends running
actions.';

create trigger configuration_changes_queue_with_agents
before insert or update or delete on public.system_config
for each statement execute function monitoring.lock_action_starts();

create function monitoring.stop_running_actions()
returns trigger
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  c_reason constant text := 'stopped by the kill switch';
  -- Of set_kill_switch(), for the audit row of the configuration.
  c_agent constant text := nullif(current_setting('monitoring.agent', true), '');
  c_details constant jsonb := nullif(current_setting('monitoring.details', true), '')::jsonb;
  v_attempt integer := 0;
begin
  loop
    v_attempt := v_attempt + 1;
    begin
      -- The incidents of claims and of actions together, in the order of every other transaction.
      perform monitoring.end_claims(
        array(
          select incidents.id
          from public.incidents
          where incidents.id in (
            select claimed.id from public.incidents as claimed where claimed.claim_expires_at is not null
            union
            select running_actions.incident_id from monitoring.running_actions
          )
          order by incidents.fingerprint, incidents.id
          for no key update
        ),
        coalesce(c_agent, monitoring.read_editor()),
        jsonb_build_object('reason', c_reason)
      );
      exit;
    exception
      -- A person who edits incidents in an order of their own. Our locks are released here, so that the other session
      -- can go on: the kill switch must not fail.
      when deadlock_detected then
        if v_attempt = 20 then
          raise;
        end if;
    end;
  end loop;
  perform monitoring.set_change_context(c_agent, c_details);
  perform monitoring.fail_running_actions(c_reason, false);
  return null;
end
$$;

comment on function monitoring.stop_running_actions() is
'Ends all running actions and all claims when the kill switch is set. Security definer: who may set it needs no right to
write the audit trail.';

create trigger kill_switch_stops_what_is_running
after insert or update on public.system_config
for each row
when (new.key = 'kill_switch' and new.value -> 'enabled' is distinct from 'false')
execute function monitoring.stop_running_actions();
