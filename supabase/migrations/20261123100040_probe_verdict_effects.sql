-- Purpose: determines what verdicts change: the state of targets, and incidents to open, fold or resolve.
-- Objects: type monitoring.verdict_effect; functions monitoring.update_target_states, monitoring.find_root_cause,
--   monitoring.find_verdict_effects, monitoring.describe_outage_title, monitoring.describe_outage_message,
--   monitoring.name_outage, monitoring.describe_outages.
-- Risks: locks are taken in this order: the advisory lock, checks by id, states by target, incidents by fingerprint;
--   ingest locks incidents in the same order.

create type monitoring.verdict_effect as (
  verdict monitoring.verdict,
  fingerprint text,
  severity public.incident_severity,
  down_rounds integer,
  is_well boolean
);

comment on type monitoring.verdict_effect is
'A verdict with the incident that it concerns. severity is null when the verdict opens no incident. is_well is true
when the incident can be resolved.';

create function monitoring.update_target_states(verdicts monitoring.verdict[])
returns void
language sql
volatile
security invoker
set search_path = ''
as $$
  insert into monitoring.target_states as state (
    target, status, since, last_status, good_rounds, degraded_rounds, down_rounds, unknown_rounds, is_slow,
    last_check_at, last_response_time_ms
  )
  select
    verdict.target,
    verdict.status,
    verdict.scheduled_at,
    nullif(verdict.status, 'unknown'),
    (verdict.status = 'up')::integer,
    (verdict.status = 'degraded')::integer,
    (verdict.status = 'down')::integer,
    (verdict.status = 'unknown')::integer,
    verdict.is_slow,
    verdict.scheduled_at,
    verdict.response_time_ms
  from unnest(update_target_states.verdicts) as verdict
  order by verdict.target
  on conflict (target) do update
    set
      status = excluded.status,
      since = case when state.status = excluded.status then state.since else excluded.since end,
      last_status = coalesce(excluded.last_status, state.last_status),
      -- An unknown round neither continues nor ends a series of good or bad rounds.
      good_rounds = case excluded.status
        when 'unknown' then state.good_rounds when 'up' then state.good_rounds + 1 else 0
      end,
      degraded_rounds = case excluded.status
        when 'unknown' then state.degraded_rounds when 'degraded' then state.degraded_rounds + 1 else 0
      end,
      down_rounds = case excluded.status
        when 'unknown' then state.down_rounds when 'down' then state.down_rounds + 1 else 0
      end,
      unknown_rounds = case excluded.status when 'unknown' then state.unknown_rounds + 1 else 0 end,
      changed_at = array(
        select moments.moment
        from unnest(
          state.changed_at
          || case when excluded.last_status <> state.last_status then array[excluded.since] else '{}' end
        ) as moments (moment)
        where moments.moment > excluded.since - interval '30 minutes'
        order by moments.moment
      ),
      is_slow = excluded.is_slow,
      last_check_at = excluded.last_check_at,
      last_response_time_ms = excluded.last_response_time_ms
$$;

comment on function monitoring.update_target_states(monitoring.verdict[]) is
'Updates the state of each target from its verdict. The verdicts must contain one round per target.';

create function monitoring.find_root_cause(target text)
returns text
language sql
stable
strict
security invoker
set search_path = ''
as $$
  with recursive chain as (
    select
      probe_targets.depends_on,
      find_root_cause.target as name,
      0 as depth
    from monitoring.probe_targets
    where probe_targets.name = find_root_cause.target
    union all
    select probe_targets.depends_on, chain.depends_on, chain.depth + 1
    from chain
    join monitoring.target_states on target_states.target = chain.depends_on and target_states.status = 'down'
    join monitoring.probe_targets on probe_targets.name = chain.depends_on and probe_targets.is_enabled
    where chain.depth < 100
  )

  select coalesce((select chain.name from chain order by chain.depth desc limit 1), find_root_cause.target)
$$;

comment on function monitoring.find_root_cause(text) is
'Returns the target that causes a failure: the last one in the chain of depends_on that is down, or the target
itself.';

create function monitoring.find_verdict_effects(verdicts monitoring.verdict[])
returns setof monitoring.verdict_effect
language sql
stable
security invoker
set search_path = ''
as $$
  with policy as (
    select (monitoring.config('health_check_policy') ->> 'successes_to_close')::integer as successes_to_close
  ),

  known as (
    select
      verdict,
      target_states.*,
      coalesce(probe_targets.is_enabled, false) as is_enabled,
      probe_targets.type,
      case when (verdict).status = 'down' then monitoring.find_root_cause((verdict).target) end as root_cause,
      -- A failure without an HTTP response is ready only when the whole round is decided, so one look at the round is
      -- enough.
      (verdict).status = 'down' and probe_targets.type is distinct from 'heartbeat' and not exists (
        select
        from public.monitoring_checks
        where monitoring_checks.scheduled_at = (verdict).scheduled_at
          and monitoring_checks.http_status is not null
      )
      and 1 < (
        select count(*)
        from unnest(find_verdict_effects.verdicts) as other
        where other.scheduled_at = (verdict).scheduled_at
          and other.status = 'down'
      ) as is_offline
    from unnest(find_verdict_effects.verdicts) as verdict
    join monitoring.target_states on target_states.target = verdict.target
    left join monitoring.probe_targets on probe_targets.name = verdict.target
  )

  select
    known.verdict,
    case
      when known.status = 'unknown' then 'health-check:prober'
      when known.is_offline then 'health-check:connectivity'
      else 'health-check:target:' || coalesce(known.root_cause, known.target)
    end,
    case
      when (known.verdict).is_maintenance or not known.is_enabled then null
      when known.status = 'unknown'
        then case when known.unknown_rounds > 1 then 'HIGH'::public.incident_severity end
      when known.is_offline then 'HIGH'::public.incident_severity
      when known.status = 'degraded'
        then case when known.degraded_rounds > 2 then 'MEDIUM'::public.incident_severity end
      when known.status <> 'down' or known.root_cause <> known.target then null
      when known.type in ('backend', 'database') then 'CRITICAL'::public.incident_severity
      else 'HIGH'::public.incident_severity
    end,
    known.down_rounds,
    known.status = 'up'
    -- One heartbeat is a whole run of its job.
    and known.good_rounds >= case when known.type = 'heartbeat' then 1 else policy.successes_to_close end
    and cardinality(known.changed_at) < 5
  from known
  cross join policy
$$;

comment on function monitoring.find_verdict_effects(monitoring.verdict[]) is
'Returns the incident that each verdict concerns, and whether to open or resolve it. update_target_states() must have
counted the verdicts.';

create function monitoring.describe_outage_title(fingerprint text, target text, status public.check_status)
returns text
language sql
stable
security invoker
set search_path = ''
as $$
  select monitoring.sanitize_text(
    case describe_outage_title.fingerprint
      when 'health-check:prober' then 'Health checks get no responses'
      when 'health-check:connectivity' then 'No target can be reached'
      else format('%s is %s', describe_outage_title.target, describe_outage_title.status)
    end,
    200
  )
$$;

comment on function monitoring.describe_outage_title(text, text, public.check_status) is
'Returns the title of the incident of a health check.';

create function monitoring.describe_outage_message(
  fingerprint text, target text, status public.check_status, size bigint, problem text
)
returns text
language sql
stable
security invoker
set search_path = ''
as $$
  select monitoring.sanitize_text(
    case describe_outage_message.fingerprint
      when 'health-check:prober'
        then format(
          '%s targets got no response from pg_net, such as %s: %s',
          describe_outage_message.size, describe_outage_message.target, describe_outage_message.problem
        )
      when 'health-check:connectivity'
        then format(
          'All %s targets of a round failed without an HTTP response, such as %s: %s',
          describe_outage_message.size, describe_outage_message.target, describe_outage_message.problem
        )
      else format(
        '%s is %s: %s',
        describe_outage_message.target, describe_outage_message.status, describe_outage_message.problem
      )
    end,
    4096
  )
$$;

comment on function monitoring.describe_outage_message(text, text, public.check_status, bigint, text) is
'Returns the message of the incident of a health check. target is an example when the incident concerns size targets.';

create function monitoring.name_outage(fingerprint text, target text, status public.check_status)
returns text
language plpgsql
stable
security invoker
set search_path = ''
as $$
begin
  return case name_outage.fingerprint
    when 'health-check:prober' then 'ProberSilent'
    when 'health-check:connectivity' then 'NoConnectivity'
    when 'health-check:target:' || name_outage.target
      then coalesce(
        (
          select
            case heartbeats.state
              when 'missed' then 'HeartbeatMissed'
              when 'failed' then 'HeartbeatFailed'
              when 'too_long' then 'HeartbeatTooLong'
            end
          from monitoring.heartbeats
          where heartbeats.target = name_outage.target
        ),
        case name_outage.status when 'down' then 'TargetDown' else 'TargetDegraded' end
      )
  end;
end
$$;

comment on function monitoring.name_outage(text, text, public.check_status) is
'Returns the error type of the incident of a health check.';

create function monitoring.describe_outages(effects monitoring.verdict_effect[])
returns monitoring.prepared_event[]
language sql
stable
security invoker
set search_path = ''
as $$
  select coalesce(
    array_agg(row(event.*)::monitoring.prepared_event order by event.fingerprint), '{}'::monitoring.prepared_event[]
  )
  from (
    select
      row_number() over (order by worst.fingerprint)::integer as event_position,
      null::text as idempotency_key,
      worst.fingerprint,
      monitoring.describe_outage_title(worst.fingerprint, worst.target, worst.status) as title,
      monitoring.describe_outage_message(
        worst.fingerprint, worst.target, worst.status, worst.size, worst.problem
      ) as message,
      monitoring.name_outage(worst.fingerprint, worst.target, worst.status) as error_type,
      worst.http_status::text as error_code,
      null::text as stack,
      worst.severity,
      case
        when
          worst.fingerprint like 'health-check:target:%'
          and worst.target_type::text = any(enum_range(null::public.incident_category)::text[])
          then worst.target_type::text
        else 'infrastructure'
      end::public.incident_category as category,
      'health_check' as rule,
      'health-check' as source,
      null::text as environment,
      null::text as release,
      case when worst.fingerprint like 'health-check:target:%' then worst.url end as url,
      jsonb_strip_nulls(
        jsonb_build_object(
          'targets', worst.targets,
          'check_id', worst.check_id,
          'attempts', worst.attempt,
          'http_status', worst.http_status,
          'response_time_ms', worst.response_time_ms,
          'answer', worst.answer_excerpt
        )
      ) as context,
      'health-check' as sender,
      null::text as quota,
      null::text as body_hash,
      clock_timestamp() as happened_at,
      false as is_summary,
      false as is_resolution
    from (
      select distinct on (effect.fingerprint)
        effect.fingerprint,
        effect.severity,
        (effect.verdict).check_id,
        (effect.verdict).target,
        (effect.verdict).status,
        (effect.verdict).problem,
        monitoring_checks.target_type,
        monitoring_checks.url,
        monitoring_checks.attempt,
        monitoring_checks.http_status,
        monitoring_checks.response_time_ms,
        monitoring_checks.answer_excerpt,
        counted.size,
        counted.targets
      from unnest(describe_outages.effects) as effect
      join public.monitoring_checks on monitoring_checks.id = (effect.verdict).check_id
      join (
        select
          each.fingerprint,
          count(*) as size,
          (array_agg((each.verdict).target order by (each.verdict).target))[1:20] as targets
        from unnest(describe_outages.effects) as each
        where each.severity is not null
        group by each.fingerprint
      ) as counted on counted.fingerprint = effect.fingerprint
      where effect.severity is not null
      order by effect.fingerprint, effect.severity desc, (effect.verdict).target
    ) as worst
  ) as event
$$;

comment on function monitoring.describe_outages(monitoring.verdict_effect[]) is
'Returns events for upsert_incidents(), one per fingerprint, from the effects that open an incident.';
