-- Purpose: the judgement, every 10 seconds: verdicts, further tries, settlements, in one short transaction.
-- Objects: private.settle_verdicts(), private.retire_targets(), private.judge_health_checks().
-- Risks: one at a time, by the advisory lock that the round takes too.

create function private.settle_verdicts(verdicts private.verdict[])
returns void
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  v_settlements private.settlement[];
  v_placements private.placement[] := '{}'::private.placement[];
  v_events private.prepared_event[];
begin
  perform private.advance_states(settle_verdicts.verdicts);
  v_settlements := array(
    select settlement
    from private.find_settlements(settle_verdicts.verdicts) as settlement
  );
  v_events := private.describe_outages(v_settlements);
  if v_events <> '{}' then
    v_placements := array(
      select placement
      from private.place_events(v_events, 'health-check') as placement
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

  perform private.resolve_incidents(
    array(select settlement.fingerprint from unnest(v_settlements) as settlement where settlement.is_well),
    'health-check',
    'health-check',
    'The target is up again, as often in a row as health_check_policy.successes_to_close asks.'
  );
  perform private.resolve_incidents(
    array['health-check:connectivity'],
    'health-check',
    'health-check',
    'A target gave an HTTP answer again.'
  )
  where exists (select from unnest(settle_verdicts.verdicts) as verdict where verdict.has_http_answer);
  perform private.resolve_incidents(
    array['health-check:prober'],
    'health-check',
    'health-check',
    'Every target has an answer again.'
  )
  where exists (select from unnest(settle_verdicts.verdicts) as verdict where verdict.status <> 'unknown')
    and not exists (select from private.target_states where target_states.unknown_rounds > 0);
end
$$;

revoke all on function private.settle_verdicts(private.verdict[]) from public, anon, authenticated, service_role;

comment on function private.settle_verdicts(private.verdict[]) is
'Brings verdicts, one a target, into force: states, incidents, rows.';

create function private.retire_targets()
returns bigint
language sql
volatile
security invoker
set search_path = ''
as $$
  with retired as (
    delete from private.target_states
    where not exists (
      select
      from private.probe_targets
      where probe_targets.name = target_states.target
        and probe_targets.is_enabled
    )
    returning 'health-check:target:' || target_states.target as fingerprint
  )

  select private.resolve_incidents(
    coalesce(array_agg(retired.fingerprint), '{}'::text[]),
    'health-check',
    'health-check',
    'The target is no longer probed.'
  )
  from retired
$$;

revoke all on function private.retire_targets() from public, anon, authenticated, service_role;

comment on function private.retire_targets() is
'Forgets the states of targets that were removed or switched off, and resolves their incidents: how many.';

create function private.judge_health_checks()
returns integer
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  v_verdicts private.verdict[];
  v_ready private.verdict[];
begin
  perform pg_advisory_xact_lock(20261123, 1800);
  perform private.retire_targets();
  perform private.complete_answers();
  v_verdicts := array(select verdict from private.judge_answers() as verdict);
  perform private.resend_probes(v_verdicts);

  v_verdicts := array(select verdict from unnest(v_verdicts) as verdict where not verdict.may_try_again);
  while v_verdicts <> '{}' loop
    v_ready := array(select verdict from private.find_ready_verdicts(v_verdicts) as verdict);
    exit when v_ready = '{}';
    perform private.settle_verdicts(v_ready);
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

revoke all on function private.judge_health_checks() from public, anon, authenticated, service_role;

comment on function private.judge_health_checks() is
'What pg_cron runs every 10 seconds: judges what came back since, tries failures again, settles what is certain.
How many checks are still pending.';
