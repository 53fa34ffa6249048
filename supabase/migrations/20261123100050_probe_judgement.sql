-- Purpose: judges health checks each second: verdicts, confirmations by the service, further attempts and their effects
--   in one short transaction.
-- Objects: type monitoring.refused_verdict; functions monitoring.request_missing_confirmations,
--   monitoring.settle_verdicts, monitoring.resolve_recovered, monitoring.store_results, monitoring.apply_verdicts,
--   monitoring.apply_verdicts_safely, monitoring.report_refused_verdicts, monitoring.apply_ready_verdicts,
--   monitoring.remove_stale_target_states, monitoring.judge_health_checks.
-- Risks: one judgement runs at a time, because of the advisory lock that rounds take too.

create function monitoring.request_missing_confirmations(verdicts monitoring.verdict[])
returns integer
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  -- As many as the service looks at within the ten seconds that a verdict waits.
  c_most constant integer := 100;
  v_check_ids bigint[];
begin
  if not exists (
    select
    from unnest(request_missing_confirmations.verdicts) as verdict
    where verdict.status = 'down'
  ) or not monitoring.is_service_looking() then
    return 0;
  end if;
  v_check_ids := array(
    select verdict.check_id
    from unnest(request_missing_confirmations.verdicts) as verdict
    join monitoring.probe_targets on probe_targets.name = verdict.target
    left join monitoring.target_states on target_states.target = verdict.target
    where verdict.status = 'down'
      and not verdict.is_maintenance
      -- A failure that another target causes opens nothing.
      and (
        probe_targets.depends_on is null
        or (not verdict.is_offline and monitoring.find_root_cause(verdict.target) = verdict.target)
      )
      and not exists (select from monitoring.target_looks where target_looks.check_id = verdict.check_id)
      -- What is known to be down is asked about again in every tenth round.
      and (
        target_states.status is distinct from 'down'
        or target_states.down_rounds % 10 = 9
        or not exists (
          select
          from public.incidents
          where incidents.fingerprint = 'health-check:target:' || verdict.target
            and incidents.status <> 'resolved'
        )
      )
      and monitoring.should_confirm(verdict.target)
    order by verdict.check_id
    limit greatest(
      c_most - (
        select count(*)
        from monitoring.target_looks
        where target_looks.purpose = 'confirm'
          and target_looks.recorded_at is null
          and target_looks.due_at > clock_timestamp()
      ),
      0
    )
  );
  if v_check_ids <> '{}' then
    perform monitoring.request_confirmations(v_check_ids);
  end if;
  return cardinality(v_check_ids);
end
$$;

comment on function monitoring.request_missing_confirmations(monitoring.verdict[]) is
'Asks the service to look at the targets of these verdicts before they count as down: where that is wanted, it was not
asked yet, and the failure would open an incident. At most 100 looks wait at a time; what is beyond counts without one.
Returns the number of looks.';

create function monitoring.settle_verdicts(verdicts monitoring.verdict[])
returns setof monitoring.verdict
language sql
volatile
security invoker
set search_path = ''
as $$
  with looked as materialized (
    select
      verdict,
      coalesce(target_looks.recorded_at is null and target_looks.due_at > clock_timestamp(), false) as is_waiting,
      case when target_looks.status in ('up', 'degraded', 'down') then target_looks.status end as look,
      not (verdict).is_maintenance
      and probe_targets.depends_on is null
      and target_states.status is distinct from 'down' as counts
    from unnest(settle_verdicts.verdicts) as verdict
    left join monitoring.target_looks on target_looks.check_id = verdict.check_id and verdict.status = 'down'
    left join monitoring.probe_targets on probe_targets.name = verdict.target
    left join monitoring.target_states on target_states.target = verdict.target
  ),

  -- The rounds in which our own connection is in doubt.
  doubt as materialized (
    select
      (looked.verdict).scheduled_at,
      bool_or(looked.is_waiting) as is_waiting,
      coalesce(bool_or(looked.look <> 'down'), false) as is_reached,
      coalesce(bool_or(looked.look = 'down'), false) as has_silent
    from looked
    where (looked.verdict).is_offline
    group by (looked.verdict).scheduled_at
  ),

  round as materialized (
    select
      doubt.scheduled_at,
      doubt.is_waiting,
      doubt.is_reached or not doubt.has_silent or (
        select
          count(distinct hosts.host) filter (where hosts.look is null) > 1
          and count(distinct hosts.host) filter (where hosts.look = 'down') < 2
        from (
          select looked.look, monitoring.find_target_host((looked.verdict).target) as host
          from looked
          where (looked.verdict).scheduled_at = doubt.scheduled_at
            and (looked.verdict).is_offline
            and looked.counts
        ) as hosts
      ) as is_offline
    from doubt
  ),

  settled as (
    select
      looked.verdict,
      looked.look,
      (looked.verdict).is_offline and round.is_offline and looked.look is distinct from 'down' as is_offline
    from looked
    left join round on round.scheduled_at = (looked.verdict).scheduled_at and (looked.verdict).is_offline
    where not looked.is_waiting
      and round.is_waiting is not true
  )

  select
    (settled.verdict).check_id,
    (settled.verdict).target,
    (settled.verdict).scheduled_at,
    case
      when settled.is_offline then 'unknown'::public.check_status
      when settled.look in ('up', 'degraded') then 'disputed'::public.check_status
      else (settled.verdict).status
    end,
    (settled.verdict).problem,
    (settled.verdict).has_answer,
    (settled.verdict).is_maintenance,
    (settled.verdict).is_slow,
    (settled.verdict).response_time_ms,
    false,
    coalesce(settled.is_offline, false)
  from settled
$$;

comment on function monitoring.settle_verdicts(monitoring.verdict[]) is
'Returns those of these verdicts that wait for no look of the service, as they stand with what it saw. A target that is
down for us and not for the service is disputed. Where our own connection is in doubt, it failed if the service reaches
one of the targets, or if two hosts are in doubt and the service did not confirm that two are silent: then these targets
are unknown. What the service cannot reach either is down.';

create function monitoring.resolve_recovered(effects monitoring.verdict_effect[])
returns void
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  v_recovered record;
  v_is_offline constant boolean := exists (
    select
    from unnest(resolve_recovered.effects) as effect
    where (effect.verdict).is_offline
  );
begin
  for v_recovered in
    select effect.resolution, array_agg(effect.fingerprint) as fingerprints
    from unnest(resolve_recovered.effects) as effect
    join public.incidents on incidents.fingerprint = effect.fingerprint and incidents.status <> 'resolved'
    where effect.resolution is not null
    group by effect.resolution
    order by min(effect.fingerprint)
  loop
    perform monitoring.resolve_incidents(
      v_recovered.fingerprints, 'health-check', 'health-check', v_recovered.resolution
    );
  end loop;

  perform monitoring.resolve_incidents(
    array['health-check:connectivity'],
    'health-check',
    'health-check',
    case
      when answer.is_ours then 'A server answered again.'
      when answer.is_confirmed then 'The service cannot reach the targets either.'
      else 'The targets that do not answer were judged for themselves.'
    end
  )
  from (
    select
      bool_or((effect.verdict).has_answer) as is_ours,
      bool_or((effect.verdict).status = 'down' and target_looks.status = 'down') as is_confirmed,
      bool_or((effect.verdict).status = 'down') as is_judged
    from unnest(resolve_recovered.effects) as effect
    left join monitoring.target_looks on target_looks.check_id = (effect.verdict).check_id
  ) as answer
  where answer.is_ours
    -- What is down without an answer was not in doubt.
    or (answer.is_judged and not v_is_offline);

  perform monitoring.resolve_incidents(
    array['health-check:prober'],
    'health-check',
    'health-check',
    'Every target returned a response again.'
  )
  where exists (
    select
    from unnest(resolve_recovered.effects) as effect
    where (effect.verdict).status <> 'unknown'
  )
    and not exists (
      select
      from monitoring.target_states
      join monitoring.probe_targets on probe_targets.name = target_states.target
      where target_states.unknown_rounds > 0
        and target_states.paused_at is null
        and not monitoring.is_paused_by_owner(probe_targets)
    );
end
$$;

comment on function monitoring.resolve_recovered(monitoring.verdict_effect[]) is
'Resolves the incidents of targets that recovered, and those about us that are over.';

create function monitoring.store_results(effects monitoring.verdict_effect[])
returns void
language sql
volatile
security invoker
set search_path = ''
as $$
  with judged as (
    delete from monitoring.probes
    using unnest(store_results.effects) as effect
    where probes.id = (effect.verdict).check_id
    returning probes.*, effect.verdict, effect.fingerprint, effect.down_rounds
  )

  insert into public.monitoring_checks as former (
    id, target, target_type, url, status, http_status, response_time_ms, attempt, error_count, consecutive_failures,
    error, scheduled_at, sent_at, completed_at, answered_at, answer_headers, answer_excerpt, unmet_condition,
    is_maintenance, interval_minutes, response_time_error_ms, service_status, service_problem, incident_id
  )
  select
    judged.id,
    judged.target,
    judged.target_type,
    judged.url,
    (judged.verdict).status,
    -- Of an attempt before the one that was not answered.
    case when judged.answered_at is not null then judged.http_status end,
    judged.response_time_ms,
    judged.attempt,
    judged.error_count + ((judged.verdict).status in ('down', 'unknown', 'disputed'))::integer,
    judged.down_rounds,
    (judged.verdict).problem
    || case
      when (judged.verdict).is_offline then '; no server answered, so the state of the target is unknown'
      else ''
    end,
    judged.scheduled_at,
    judged.sent_at,
    -- The clock may have been set back since it was sent.
    greatest(clock_timestamp(), judged.sent_at),
    judged.answered_at,
    judged.answer_headers,
    -- Nobody asks what a target answered that was up.
    case when (judged.verdict).status <> 'up' then judged.answer_excerpt end,
    judged.unmet_condition,
    judged.is_maintenance,
    judged.interval_minutes,
    judged.response_time_error_ms,
    target_looks.status,
    target_looks.problem,
    live.id
  from judged
  left join public.incidents as live
    on live.fingerprint = judged.fingerprint
    and live.status <> 'resolved'
    and (judged.verdict).status <> 'up'
  left join monitoring.target_looks
    on target_looks.check_id = judged.id
    and target_looks.status in ('up', 'degraded', 'down')
  order by judged.id
  -- A heartbeat whose state changed within its minute.
  on conflict (target, scheduled_at) do update
    set
      status = excluded.status,
      completed_at = excluded.completed_at,
      error = excluded.error,
      error_count = former.error_count + excluded.error_count,
      consecutive_failures = excluded.consecutive_failures,
      is_maintenance = excluded.is_maintenance,
      incident_id = excluded.incident_id
$$;

comment on function monitoring.store_results(monitoring.verdict_effect[]) is
'Moves the probes of these verdicts into monitoring_checks, with their results: a check is written once. Only a
heartbeat that is judged twice in a minute changes its row. The body that a target answered that was up is not kept.';

create function monitoring.apply_verdicts(verdicts monitoring.verdict[])
returns void
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  v_effects monitoring.verdict_effect[];
  v_events monitoring.prepared_event[];
begin
  perform monitoring.update_target_states(apply_verdicts.verdicts);
  v_effects := array(
    select effect
    from monitoring.find_verdict_effects(apply_verdicts.verdicts) as effect
  );
  v_events := monitoring.describe_outages(v_effects);
  if v_events <> '{}' then
    perform monitoring.upsert_incidents(v_events);
  end if;

  perform monitoring.store_results(v_effects);
  perform monitoring.resolve_recovered(v_effects);
end
$$;

comment on function monitoring.apply_verdicts(monitoring.verdict[]) is
'Applies verdicts, one per target: states, incidents, checks.';

create type monitoring.refused_verdict as (check_id bigint, target text, problem text);

comment on type monitoring.refused_verdict is 'A verdict that could not be applied, and the error.';

create function monitoring.apply_verdicts_safely(verdicts monitoring.verdict[])
returns setof monitoring.refused_verdict
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  v_middle constant integer := cardinality(apply_verdicts_safely.verdicts) / 2;
begin
  perform monitoring.apply_verdicts(apply_verdicts_safely.verdicts);
exception
  -- Only what the data of one verdict can cause. A fault of the whole database ends the judgement.
  when data_exception or integrity_constraint_violation or program_limit_exceeded or raise_exception
    or sqlstate 'PT400' or sqlstate 'PT409'
  then
    if v_middle = 0 then
      return query
      select
        apply_verdicts_safely.verdicts[1].check_id,
        apply_verdicts_safely.verdicts[1].target,
        monitoring.sanitize_text(sqlerrm, 1000);
    else
      return query
      select refused.*
      from monitoring.apply_verdicts_safely(apply_verdicts_safely.verdicts[:v_middle]) as refused;
      return query
      select refused.*
      from monitoring.apply_verdicts_safely(apply_verdicts_safely.verdicts[v_middle + 1:]) as refused;
    end if;
end
$$;

comment on function monitoring.apply_verdicts_safely(monitoring.verdict[]) is
'Applies verdicts, and returns those that cannot be applied, with the reason: it halves them until those are alone.';

create function monitoring.report_refused_verdicts(fingerprint text, refused monitoring.refused_verdict[])
returns void
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  v_event monitoring.prepared_event;
  v_last_seen timestamptz;
begin
  select incidents.last_seen
  into v_last_seen
  from public.incidents
  where incidents.fingerprint = report_refused_verdicts.fingerprint
    and incidents.status <> 'resolved';
  if report_refused_verdicts.refused = '{}' then
    if v_last_seen is not null then
      perform monitoring.resolve_incidents(
        array[report_refused_verdicts.fingerprint], 'health-check', 'health-check',
        'Every result could be stored again.'
      );
    end if;
    return;
  elsif v_last_seen > clock_timestamp() - interval '1 minute' then
    return;
  end if;

  v_event := monitoring.prepare_event(
    jsonb_build_object(
      'error', jsonb_build_object(
        'message', format(
          'The result of the health check of %s cannot be stored: %s',
          report_refused_verdicts.refused[1].target, report_refused_verdicts.refused[1].problem
        ),
        'type', 'ResultRefused'
      ),
      'severity', 'HIGH',
      'category', 'infrastructure',
      'source', 'health-check',
      'fingerprint', report_refused_verdicts.fingerprint,
      'context', jsonb_build_object(
        'targets', (
          select jsonb_agg(each.target order by each.target)
          from unnest(report_refused_verdicts.refused[1:20]) as each
        )
      )
    ),
    1,
    'health-check'
  );
  v_event.title := 'Results of health checks cannot be stored';
  v_event.rule := 'health_check';
  perform monitoring.upsert_incidents(array[v_event]);
end
$$;

comment on function monitoring.report_refused_verdicts(text, monitoring.refused_verdict[]) is
'Opens the incident of this fingerprint when verdicts could not be applied, repeats it once a minute, and resolves it
when there are none any more.';

create function monitoring.apply_ready_verdicts(verdicts monitoring.verdict[])
returns integer
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  -- What is tried again is awaited like what was not answered yet.
  v_final constant monitoring.verdict[] := array(
    select verdict
    from unnest(apply_ready_verdicts.verdicts) as verdict
    where not verdict.may_try_again
  );
  v_ready monitoring.verdict[];
  v_refused monitoring.refused_verdict[] := '{}'::monitoring.refused_verdict[];
  v_count integer := 0;
begin
  -- What was applied is no longer pending, so other verdicts become ready.
  while v_final <> '{}' loop
    v_ready := array(
      select verdict
      from monitoring.find_ready_verdicts(
        v_final, array(select refused.check_id from unnest(v_refused) as refused)
      ) as verdict
    );
    exit when v_ready = '{}';
    perform monitoring.request_missing_confirmations(v_ready);
    v_ready := array(select verdict from monitoring.settle_verdicts(v_ready) as verdict);
    exit when v_ready = '{}';
    v_count := v_count + cardinality(v_ready);
    v_refused := v_refused || array(select refused from monitoring.apply_verdicts_safely(v_ready) as refused);
  end loop;
  perform monitoring.report_refused_verdicts('health-check:verdicts', v_refused);
  return v_count - cardinality(v_refused);
end
$$;

comment on function monitoring.apply_ready_verdicts(monitoring.verdict[]) is
'Applies those of these verdicts that are certain, and returns their number. One that cannot be applied stays pending,
holds up only its target, and is an incident about us.';

create function monitoring.remove_stale_target_states()
returns bigint
language sql
volatile
security invoker
set search_path = ''
as $$
  with retired as (
    delete from monitoring.target_states
    where not exists (
      select
      from monitoring.probe_targets
      where probe_targets.name = target_states.target
        and probe_targets.is_enabled
    )
    returning 'health-check:target:' || target_states.target as fingerprint
  ),

  paused as materialized (
    select probe_targets.name
    from monitoring.probe_targets
    where probe_targets.is_paused
      and probe_targets.is_enabled
      and monitoring.is_paused_by_owner(probe_targets)
  ),

  -- The rounds before a pause and those after it are no series.
  restarted as (
    update monitoring.target_states
    set good_rounds = 0, degraded_rounds = 0, down_rounds = 0, unknown_rounds = 0, disputed_rounds = 0
    from paused
    where target_states.target = paused.name
      and target_states.good_rounds + target_states.degraded_rounds + target_states.down_rounds
      + target_states.unknown_rounds + target_states.disputed_rounds > 0
  ),

  ended as (
    select retired.fingerprint, 'The target is no longer probed.' as resolution
    from retired
    union all
    select incidents.fingerprint, 'The target is paused.'
    from paused
    join public.incidents
      on incidents.fingerprint = 'health-check:target:' || paused.name
      and incidents.status <> 'resolved'
    union all
    -- No answer will come that could resolve them.
    select incidents.fingerprint, 'No target is checked any more.'
    from public.incidents
    where incidents.fingerprint in ('health-check:connectivity', 'health-check:prober')
      and incidents.status <> 'resolved'
      and not exists (
        select
        from monitoring.probe_targets
        where probe_targets.is_enabled
          and probe_targets.url is not null
          and probe_targets.name not in (select paused.name from paused)
      )
  )

  select coalesce(
    sum(monitoring.resolve_incidents(grouped.fingerprints, 'health-check', 'health-check', grouped.resolution)), 0
  )::bigint
  from (
    select ended.resolution, array_agg(ended.fingerprint) as fingerprints
    from ended
    group by ended.resolution
  ) as grouped
$$;

comment on function monitoring.remove_stale_target_states() is
'Deletes the states of targets that were removed or disabled, and sets the counts of rounds of those that their owner
paused to 0. Resolves the incidents of both, and those about the checks themselves when no target is left. Returns the
number of incidents.';

create function monitoring.judge_health_checks()
returns integer
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  v_verdicts monitoring.verdict[];
begin
  perform pg_advisory_xact_lock(20261123, 1800);
  perform pg_advisory_xact_lock(20261126, 3);
  perform monitoring.remove_future_checks();
  perform monitoring.remove_stale_target_states();
  perform monitoring.judge_heartbeats(clock_timestamp());
  perform monitoring.collect_missed_answers();
  perform monitoring.withdraw_unanswered_requests();
  v_verdicts := array(select verdict from monitoring.judge_answers() as verdict);
  if v_verdicts <> '{}' then
    perform monitoring.plan_attempts(v_verdicts);
  end if;
  perform monitoring.apply_ready_verdicts(v_verdicts);
  perform monitoring.judge_certificates();
  perform monitoring.send_due_checks();
  perform monitoring.record_job_success('monitoring-judge-health-checks');
  return (
    select count(*)::integer
    from monitoring.probes
  );
end
$$;

comment on function monitoring.judge_health_checks() is
'Judges heartbeats and recorded responses, plans attempts, has the service confirm failures, applies verdicts that are
certain and sends what is due. Returns the number of checks in flight. pg_cron runs it each second while there are any,
and every 10 seconds.';
