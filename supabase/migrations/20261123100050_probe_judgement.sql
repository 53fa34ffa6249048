-- Purpose: the judgement, every 10 seconds: verdicts, further tries, settlements, in one short transaction.
-- Objects: monitoring.settle_verdicts(), monitoring.retire_targets(), monitoring.judge_health_checks().
-- Risks: one at a time, by the advisory lock that the round takes too.

create function monitoring.settle_verdicts(verdicts monitoring.verdict[])
returns void
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  v_settlements monitoring.settlement[];
  v_placements monitoring.placement[] := '{}'::monitoring.placement[];
  v_events monitoring.prepared_event[];
begin
  perform monitoring.advance_states(settle_verdicts.verdicts);
  v_settlements := array(
    select settlement
    from monitoring.find_settlements(settle_verdicts.verdicts) as settlement
  );
  v_events := monitoring.describe_outages(v_settlements);
  if v_events <> '{}' then
    v_placements := array(
      select placement
      from monitoring.place_events(v_events, 'health-check') as placement
    );
  end if;

  update public.monitoring_checks
  set
    status = (settlement.verdict).status,
    completed_at = clock_timestamp(),
    error = (settlement.verdict).problem,
    error_count = monitoring_checks.error_count + ((settlement.verdict).status in ('down', 'unknown'))::integer,
    consecutive_failures = settlement.down_rounds,
    incident_id = coalesce(placement.incident_id, live.id)
  from unnest(v_settlements) as settlement
  left join unnest(v_placements) as placement on placement.fingerprint = settlement.fingerprint
  left join public.incidents as live
    on live.fingerprint = settlement.fingerprint
    and live.status <> 'resolved'
    and (settlement.verdict).status <> 'up'
  where monitoring_checks.id = (settlement.verdict).check_id;

  perform monitoring.resolve_incidents(
    array(select settlement.fingerprint from unnest(v_settlements) as settlement where settlement.is_well),
    'health-check',
    'health-check',
    'The target is up again, as often in a row as health_check_policy.successes_to_close asks.'
  );
  perform monitoring.resolve_incidents(
    array['health-check:connectivity'],
    'health-check',
    'health-check',
    'A target gave an HTTP answer again.'
  )
  where exists (select from unnest(settle_verdicts.verdicts) as verdict where verdict.has_http_answer);
  perform monitoring.resolve_incidents(
    array['health-check:prober'],
    'health-check',
    'health-check',
    'Every target has an answer again.'
  )
  where exists (select from unnest(settle_verdicts.verdicts) as verdict where verdict.status <> 'unknown')
    and not exists (select from monitoring.target_states where target_states.unknown_rounds > 0);
end
$$;

revoke all on function monitoring.settle_verdicts(monitoring.verdict[]) from public, anon, authenticated, service_role;

comment on function monitoring.settle_verdicts(monitoring.verdict[]) is
'Brings verdicts, one a target, into force: states, incidents, rows.';

create function monitoring.retire_targets()
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
  )

  select monitoring.resolve_incidents(
    coalesce(array_agg(retired.fingerprint), '{}'::text[]),
    'health-check',
    'health-check',
    'The target is no longer probed.'
  )
  from retired
$$;

revoke all on function monitoring.retire_targets() from public, anon, authenticated, service_role;

comment on function monitoring.retire_targets() is
'Forgets the states of targets that were removed or switched off, and resolves their incidents: how many.';

create function monitoring.judge_health_checks()
returns integer
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  v_verdicts monitoring.verdict[];
  v_ready monitoring.verdict[];
begin
  perform pg_advisory_xact_lock(20261123, 1800);
  perform monitoring.retire_targets();
  perform monitoring.complete_answers();
  v_verdicts := array(select verdict from monitoring.judge_answers() as verdict);
  perform monitoring.resend_probes(v_verdicts);

  v_verdicts := array(select verdict from unnest(v_verdicts) as verdict where not verdict.may_try_again);
  while v_verdicts <> '{}' loop
    v_ready := array(select verdict from monitoring.find_ready_verdicts(v_verdicts) as verdict);
    exit when v_ready = '{}';
    perform monitoring.settle_verdicts(v_ready);
    v_verdicts := array(
      select verdict
      from unnest(v_verdicts) as verdict
      where verdict.check_id not in (select ready.check_id from unnest(v_ready) as ready)
    );
  end loop;

  return (
    select count(*)::integer
    from public.monitoring_checks
    where monitoring_checks.status = 'pending'
  );
end
$$;

revoke all on function monitoring.judge_health_checks() from public, anon, authenticated, service_role;

comment on function monitoring.judge_health_checks() is
'What pg_cron runs every 10 seconds: judges what came back since, tries failures again, settles what is certain.
How many checks are still pending.';
