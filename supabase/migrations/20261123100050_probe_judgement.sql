-- Purpose: judges health checks every 10 seconds: verdicts, retries and their effects in one short transaction.
-- Objects: functions monitoring.apply_verdicts, monitoring.remove_stale_target_states,
--   monitoring.judge_health_checks.
-- Risks: one judgement runs at a time, because of the advisory lock that rounds take too.

create function monitoring.apply_verdicts(verdicts monitoring.verdict[])
returns void
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  v_effects monitoring.verdict_effect[];
  v_upserted monitoring.upserted_incident[] := '{}'::monitoring.upserted_incident[];
  v_events monitoring.prepared_event[];
begin
  perform monitoring.update_target_states(apply_verdicts.verdicts);
  v_effects := array(
    select effect
    from monitoring.find_verdict_effects(apply_verdicts.verdicts) as effect
  );
  v_events := monitoring.describe_outages(v_effects);
  if v_events <> '{}' then
    v_upserted := array(
      select upserted
      from monitoring.upsert_incidents(v_events) as upserted
    );
  end if;

  update public.monitoring_checks
  set
    status = (effect.verdict).status,
    completed_at = clock_timestamp(),
    error = (effect.verdict).problem,
    error_count = monitoring_checks.error_count + ((effect.verdict).status in ('down', 'unknown'))::integer,
    consecutive_failures = effect.down_rounds,
    incident_id = coalesce(upserted.incident_id, live.id)
  from unnest(v_effects) as effect
  left join unnest(v_upserted) as upserted on upserted.fingerprint = effect.fingerprint
  left join public.incidents as live
    on live.fingerprint = effect.fingerprint
    and live.status <> 'resolved'
    and (effect.verdict).status <> 'up'
  where monitoring_checks.id = (effect.verdict).check_id;

  perform monitoring.resolve_incidents(
    array(select effect.fingerprint from unnest(v_effects) as effect where effect.is_well),
    'health-check',
    'health-check',
    case
      when exists (
        select
        from unnest(apply_verdicts.verdicts) as verdict
        join monitoring.heartbeats on heartbeats.target = verdict.target
      )
        then 'A heartbeat arrived.'
      else 'The target was up for health_check_policy.successes_to_close consecutive rounds.'
    end
  );
  perform monitoring.resolve_incidents(
    array['health-check:connectivity'],
    'health-check',
    'health-check',
    'A target returned an HTTP response again.'
  )
  where exists (select from unnest(apply_verdicts.verdicts) as verdict where verdict.has_http_answer);
  perform monitoring.resolve_incidents(
    array['health-check:prober'],
    'health-check',
    'health-check',
    'Every target returned a response again.'
  )
  where exists (select from unnest(apply_verdicts.verdicts) as verdict where verdict.status <> 'unknown')
    and not exists (select from monitoring.target_states where target_states.unknown_rounds > 0);
end
$$;

comment on function monitoring.apply_verdicts(monitoring.verdict[]) is
'Applies verdicts, one per target: states, incidents, checks. They must be all about heartbeats, or all about others.';

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
  )

  select monitoring.resolve_incidents(
    coalesce(array_agg(retired.fingerprint), '{}'::text[]),
    'health-check',
    'health-check',
    'The target is no longer probed.'
  )
  from retired
$$;

comment on function monitoring.remove_stale_target_states() is
'Deletes the states of targets that were removed or disabled, and resolves their incidents. Returns the number of
incidents.';

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
  perform monitoring.remove_stale_target_states();
  perform monitoring.judge_heartbeats(clock_timestamp());
  perform monitoring.collect_missed_answers();
  v_verdicts := array(select verdict from monitoring.judge_answers() as verdict);
  perform monitoring.resend_probes(v_verdicts);

  v_verdicts := array(select verdict from unnest(v_verdicts) as verdict where not verdict.may_try_again);
  while v_verdicts <> '{}' loop
    v_ready := array(select verdict from monitoring.find_ready_verdicts(v_verdicts) as verdict);
    exit when v_ready = '{}';
    perform monitoring.apply_verdicts(v_ready);
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

comment on function monitoring.judge_health_checks() is
'Judges heartbeats and recorded responses, retries failures and applies verdicts that are certain. Returns the number of
pending checks. pg_cron runs it every 10 seconds.';
