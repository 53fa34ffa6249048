-- Purpose: finds heartbeats that are missed or run too long, and gives each heartbeat one check a minute.
-- Objects: functions monitoring.mark_late_heartbeats, monitoring.restart_heartbeats, monitoring.describe_moment,
--   monitoring.describe_heartbeat_problem, monitoring.judge_heartbeats.
-- Risks: judge_health_checks() calls it under the advisory lock of rounds. Every statement reads the heartbeats, at
--   most 10,000 rows, and looks the rest up by key.

create function monitoring.mark_late_heartbeats(moment timestamptz)
returns bigint
language sql
volatile
strict
security invoker
set search_path = ''
as $$
  -- While its owner pauses it, a heartbeat is not awaited, and after that it starts anew.
  with paused as materialized (
    select
      heartbeats.target,
      monitoring.find_next_heartbeat(
        probe_targets, coalesce(probe_targets.paused_until, mark_late_heartbeats.moment)
      ) as next_expected_at
    from monitoring.heartbeats
    join monitoring.probe_targets on probe_targets.name = heartbeats.target
    where monitoring.is_paused_by_owner(probe_targets)
      and (
        heartbeats.next_expected_at <= coalesce(probe_targets.paused_until, mark_late_heartbeats.moment)
        or heartbeats.state not in ('ok', 'waiting')
        or heartbeats.running_since is not null
      )
    order by heartbeats.target
    for no key update of heartbeats skip locked
  )

  update monitoring.heartbeats
  set
    next_expected_at = paused.next_expected_at,
    running_since = null,
    state = case heartbeats.state when 'ok' then 'ok' else 'waiting' end
  from paused
  where heartbeats.target = paused.target;

  -- After a pause of the judgement, what waits in the spool gets time to arrive.
  with unjudged as materialized (
    select heartbeats.target
    from monitoring.heartbeats
    join monitoring.target_states on target_states.target = heartbeats.target
    where target_states.last_check_at < mark_late_heartbeats.moment - interval '4 minutes'
    order by heartbeats.target
    for no key update of heartbeats
  )

  update monitoring.heartbeats
  set excused_until = mark_late_heartbeats.moment + interval '2 minutes'
  from unjudged
  where heartbeats.target = unjudged.target;

  with judged as (
    select heartbeats.target, found.state
    from monitoring.heartbeats
    join monitoring.probe_targets on probe_targets.name = heartbeats.target and probe_targets.is_enabled
    cross join lateral (
      select
        case
          when heartbeats.running_since + make_interval(mins => probe_targets.max_run_minutes)
            <= mark_late_heartbeats.moment
            then 'too_long'
          -- A run that may still end in time counts as the heartbeat.
          when heartbeats.running_since is not null and probe_targets.max_run_minutes is not null then null
          when heartbeats.next_expected_at + make_interval(mins => probe_targets.grace_minutes)
            <= mark_late_heartbeats.moment
            then 'missed'
        end as state
    ) as found
    where not monitoring.is_paused_by_owner(probe_targets)
      and coalesce(heartbeats.excused_until, '-infinity') <= mark_late_heartbeats.moment
      and found.state <> heartbeats.state
      and heartbeats.state <> 'too_long'
    order by heartbeats.target
    for no key update of heartbeats skip locked
  ),

  marked as (
    update monitoring.heartbeats
    set state = judged.state
    from judged
    where heartbeats.target = judged.target
    returning heartbeats.target
  )

  select count(*)
  from marked
$$;

comment on function monitoring.mark_late_heartbeats(timestamptz) is
'Sets the state of heartbeats that are missed, or whose run takes too long, at a moment, and returns their number. When
none was judged for 4 minutes, nothing is marked for 2 minutes: heartbeats may wait in the spool. Those that their owner
paused are not marked, and wait for the first time after the pause.';

create function monitoring.restart_heartbeats(moment timestamptz)
returns void
language sql
volatile
strict
security invoker
set search_path = ''
as $$
  with retired as (
    delete from monitoring.target_states
    using monitoring.heartbeats
    where heartbeats.target = target_states.target
      and heartbeats.state = 'waiting'
      and target_states.status <> 'pending'
    returning target_states.target
  )

  select monitoring.resolve_incidents(
    array_agg('health-check:target:' || retired.target),
    'health-check',
    'health-check',
    'The heartbeat has a new schedule and waits for its next time.'
  )
  from retired
  having count(*) > 0;

  insert into monitoring.target_states (target, since)
  select heartbeats.target, restart_heartbeats.moment
  from monitoring.heartbeats
  join monitoring.probe_targets on probe_targets.name = heartbeats.target and probe_targets.is_enabled
  where not exists (select from monitoring.target_states where target_states.target = heartbeats.target)
  order by heartbeats.target
  on conflict (target) do nothing
$$;

comment on function monitoring.restart_heartbeats(timestamptz) is
'Lists new heartbeats among the targets, as pending, and those whose schedule changed after a failure: their incident is
resolved.';

create function monitoring.describe_moment(moment timestamptz)
returns text
language sql
stable
strict
parallel safe
security invoker
set search_path = ''
as $$
  select to_char(describe_moment.moment at time zone 'UTC', 'YYYY-MM-DD HH24:MI "UTC"')
$$;

comment on function monitoring.describe_moment(timestamptz) is
'Formats a time to the minute, in UTC.';

create function monitoring.describe_heartbeat_problem(heartbeat monitoring.heartbeats, target monitoring.probe_targets)
returns text
language sql
stable
security invoker
set search_path = ''
as $$
  select case (describe_heartbeat_problem.heartbeat).state
    when 'missed'
      then format(
        'no heartbeat arrived until %s, expected at %s; %s%s',
        monitoring.describe_moment(
          (describe_heartbeat_problem.heartbeat).next_expected_at
          + make_interval(mins => (describe_heartbeat_problem.target).grace_minutes)
        ),
        monitoring.describe_moment((describe_heartbeat_problem.heartbeat).next_expected_at),
        coalesce(
          'the last one was at ' || monitoring.describe_moment(
            greatest(
              (describe_heartbeat_problem.heartbeat).last_ok_at, (describe_heartbeat_problem.heartbeat).last_failed_at
            )
          ),
          'there has been none yet'
        ),
        format(
          '; a check-in of %s at %s was refused, because check_ins_from does not list the key',
          (describe_heartbeat_problem.heartbeat).last_refused_sender,
          monitoring.describe_moment((describe_heartbeat_problem.heartbeat).last_refused_at)
        )
        || case
          -- Only a refusal since the last heartbeat explains anything.
          when (describe_heartbeat_problem.heartbeat).last_refused_at > coalesce(
            (describe_heartbeat_problem.heartbeat).last_ok_at, '-infinity'
          ) then ''
        end
      )
    when 'failed'
      then 'the run that ended at ' || monitoring.describe_moment((describe_heartbeat_problem.heartbeat).last_failed_at)
        || ' failed'
        || coalesce(' with exit code ' || (describe_heartbeat_problem.heartbeat).last_exit_code, '')
    when 'too_long'
      then format(
        'the run that started at %s has not ended within %s minutes',
        coalesce(
          monitoring.describe_moment((describe_heartbeat_problem.heartbeat).running_since), 'an unknown time'
        ),
        (describe_heartbeat_problem.target).max_run_minutes
      )
  end
$$;

comment on function monitoring.describe_heartbeat_problem(monitoring.heartbeats, monitoring.probe_targets) is
'Returns what is wrong with a heartbeat, as the end of a sentence, or null.';

create function monitoring.judge_heartbeats(moment timestamptz)
returns integer
language plpgsql
volatile
strict
security invoker
set search_path = ''
as $$
declare
  v_minute timestamptz := date_trunc('minute', judge_heartbeats.moment);
  v_has_windows boolean := monitoring.config('health_check_policy') -> 'maintenance_windows' <> '[]';
  v_verdicts monitoring.verdict[];
  v_refused monitoring.refused_verdict[] := '{}'::monitoring.refused_verdict[];
begin
  if not exists (select from monitoring.heartbeats)
    or not (monitoring.config('feature_flags') ->> 'monitoring')::boolean
  then
    return 0;
  end if;
  perform monitoring.mark_late_heartbeats(judge_heartbeats.moment);
  perform monitoring.restart_heartbeats(v_minute);

  with due as (
    select
      heartbeats.target,
      case heartbeats.state when 'ok' then 'up' else 'down' end::public.check_status as status,
      monitoring.describe_heartbeat_problem(heartbeats, probe_targets) as problem
    from monitoring.heartbeats
    join monitoring.probe_targets on probe_targets.name = heartbeats.target and probe_targets.is_enabled
    join monitoring.target_states on target_states.target = heartbeats.target
    where heartbeats.state <> 'waiting'
      and not monitoring.is_paused_by_owner(probe_targets)
      and (
        coalesce(target_states.last_check_at, '-infinity') < v_minute
        or target_states.status <> case heartbeats.state when 'ok' then 'up' else 'down' end::public.check_status
      )
  ),

  noted as (
    insert into monitoring.probes (id, target, target_type, scheduled_at, is_maintenance)
    select
      -- One that was judged in this minute before keeps its check.
      coalesce(former.id, nextval('public.monitoring_checks_id_seq')),
      due.target,
      'heartbeat',
      v_minute,
      case when v_has_windows then monitoring.is_in_maintenance(due.target, judge_heartbeats.moment) else false end
    from due
    left join public.monitoring_checks as former
      on former.target = due.target
      and former.scheduled_at = v_minute
    order by due.target
    on conflict (target, scheduled_at) do update
      set is_maintenance = excluded.is_maintenance
    returning probes.id, probes.target, probes.is_maintenance
  )

  select array_agg(
    row(
      noted.id, noted.target, v_minute, due.status, due.problem, false, noted.is_maintenance, false, null, false, false
    )::monitoring.verdict
    order by noted.target
  )
  into v_verdicts
  from noted
  join due on due.target = noted.target;
  if v_verdicts is not null then
    v_refused := array(select refused from monitoring.apply_verdicts_safely(v_verdicts) as refused);
    -- They are due until they can be stored.
    delete from monitoring.probes
    using unnest(v_refused) as refused
    where probes.id = refused.check_id;
  end if;
  perform monitoring.report_refused_verdicts('health-check:heartbeats', v_refused);
  return coalesce(cardinality(v_verdicts), 0) - cardinality(v_refused);
end
$$;

comment on function monitoring.judge_heartbeats(timestamptz) is
'Judges every heartbeat at a moment: one check a minute each, at once when its state changed, and incidents as for the
other targets. One that waits for its first heartbeat has none. Returns the number of checks. Does nothing while
feature_flags.monitoring is false. One that cannot be stored stops no other, and is an incident about us.';
