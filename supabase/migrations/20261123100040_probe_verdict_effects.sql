-- Purpose: determines what verdicts change: the state of targets, and incidents to open, fold or resolve.
-- Objects: type monitoring.verdict_effect; functions monitoring.update_target_states,
--   monitoring.find_root_cause, monitoring.has_recovered_cause, monitoring.find_verdict_effects,
--   monitoring.describe_outage_title, monitoring.describe_outage_message, monitoring.name_outage,
--   monitoring.describe_vantage_points, monitoring.describe_outages.
-- Risks: locks are taken in this order: the advisory lock, checks by id, states by target, incidents by fingerprint;
--   ingest locks incidents in the same order.

create type monitoring.verdict_effect as (
  verdict monitoring.verdict,
  fingerprint text,
  severity public.incident_severity,
  down_rounds integer,
  resolution text
);

comment on type monitoring.verdict_effect is
'A verdict with the incident that it concerns. severity is null when the verdict opens no incident and repeats none.
resolution says why the incident can be resolved; it is null while it cannot.';

create function monitoring.update_target_states(verdicts monitoring.verdict[])
returns void
language sql
volatile
security invoker
set search_path = ''
as $$
  insert into monitoring.target_states as state (
    target, status, since, last_status, good_rounds, degraded_rounds, down_rounds, unknown_rounds, disputed_rounds,
    is_slow, last_check_at, last_response_time_ms
  )
  select
    counted.target,
    counted.status,
    counted.scheduled_at,
    case when counted.status in ('up', 'degraded', 'down') then counted.status end,
    (counted.status = 'up' and counted.counts)::integer,
    (counted.status = 'degraded' and counted.counts)::integer,
    (counted.status = 'down' and counted.counts)::integer,
    -- pg_net did respond when our own connection failed.
    (counted.status = 'unknown' and counted.counts and counted.is_offline is not true)::integer,
    (counted.status = 'disputed' and counted.counts)::integer,
    counted.is_slow,
    counted.scheduled_at,
    counted.response_time_ms
  from (
    select verdict.*, not verdict.is_maintenance as counts
    from unnest(update_target_states.verdicts) as verdict
  ) as counted
  order by counted.target
  on conflict (target) do update
    set
      status = excluded.status,
      since = case when state.status = excluded.status then state.since else excluded.since end,
      last_status = coalesce(excluded.last_status, state.last_status),
      -- An unknown or disputed round neither continues nor ends a series of bad rounds; a round in maintenance counts for
      -- nothing.
      good_rounds = case
        when excluded.good_rounds > 0 then state.good_rounds + 1
        when excluded.degraded_rounds + excluded.down_rounds + excluded.disputed_rounds > 0 then 0
        else state.good_rounds
      end,
      degraded_rounds = case
        when excluded.degraded_rounds > 0 then state.degraded_rounds + 1
        when excluded.good_rounds + excluded.down_rounds > 0 then 0
        else state.degraded_rounds
      end,
      down_rounds = case
        when excluded.down_rounds > 0 then state.down_rounds + 1
        when excluded.good_rounds + excluded.degraded_rounds > 0 then 0
        else state.down_rounds
      end,
      disputed_rounds = case
        when excluded.disputed_rounds > 0 then state.disputed_rounds + 1
        when excluded.good_rounds + excluded.degraded_rounds + excluded.down_rounds > 0 then 0
        else state.disputed_rounds
      end,
      unknown_rounds = case
        when excluded.unknown_rounds > 0 then state.unknown_rounds + 1
        -- pg_net responds, in maintenance too.
        when excluded.status <> 'unknown' then 0
        else state.unknown_rounds
      end,
      changed_at = array(
        select moments.moment
        from unnest(
          state.changed_at
          || case
            when excluded.good_rounds + excluded.degraded_rounds + excluded.down_rounds > 0
              and excluded.last_status <> state.last_status then array[excluded.since]
            else '{}'
          end
        ) as moments (moment)
        where moments.moment > excluded.since - interval '30 minutes'
        order by moments.moment
      ),
      -- Nothing is known of it in an unknown round.
      is_slow = case excluded.status when 'unknown' then state.is_slow else excluded.is_slow end,
      last_check_at = excluded.last_check_at,
      last_response_time_ms = excluded.last_response_time_ms
$$;

comment on function monitoring.update_target_states(monitoring.verdict[]) is
'Updates the state of each target from its verdict. The verdicts must contain one round per target. A round in
maintenance changes the status, and counts for no series of rounds.';

create function monitoring.find_root_cause(target text)
returns text
language plpgsql
stable
strict
security invoker
set search_path = ''
set enable_seqscan = off
as $$
begin
  -- Planned once a session, and with the indexes even while there are no statistics: it is called for each target.
  return (
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
        -- The state of a target that is not checked is old.
        and target_states.paused_at is null
        and not monitoring.is_paused_by_owner(probe_targets)
    )

    select coalesce((select chain.name from chain order by chain.depth desc limit 1), find_root_cause.target)
  );
end
$$;

comment on function monitoring.find_root_cause(text) is
'Returns the target that causes a failure: the last one in the chain of depends_on that is down and checked, or the
target itself.';

create function monitoring.has_recovered_cause(target text, scheduled_at timestamptz)
returns boolean
language plpgsql
stable
strict
security invoker
set search_path = ''
set enable_seqscan = off
as $$
begin
  -- As in find_root_cause().
  return (
    with recursive cause as (
      select probe_targets.depends_on as target, 1 as depth
      from monitoring.probe_targets
      where probe_targets.name = has_recovered_cause.target
        and probe_targets.depends_on is not null
      union all
      select probe_targets.depends_on, cause.depth + 1
      from cause
      join monitoring.probe_targets on probe_targets.name = cause.target
      where probe_targets.depends_on is not null
        and cause.depth < 100
    )

    select exists (
      select
      from cause
      join public.monitoring_checks as current_check
        on current_check.target = cause.target
        and current_check.scheduled_at = has_recovered_cause.scheduled_at
      cross join lateral (
        select former_check.status
        from public.monitoring_checks as former_check
        where former_check.target = cause.target
          and former_check.scheduled_at < has_recovered_cause.scheduled_at
          and former_check.status in ('up', 'degraded', 'down')
        order by former_check.scheduled_at desc
        limit 1
      ) as former
      where current_check.status in ('up', 'degraded')
        and former.status = 'down'
    )
  );
end
$$;

comment on function monitoring.has_recovered_cause(text, timestamptz) is
'Returns whether a target that this target depends on, directly or not, came back in this round: what depends on it may
need a moment longer.';

create function monitoring.find_verdict_effects(verdicts monitoring.verdict[])
returns setof monitoring.verdict_effect
language sql
stable
security invoker
set search_path = ''
as $$
  with policy as (
    select
      (config.entry ->> 'failures_to_open')::integer as failures_to_open,
      (config.entry ->> 'successes_to_close')::integer as successes_to_close
    from monitoring.config('health_check_policy') as config (entry)
  ),

  known as (
    select
      verdict,
      target_states.*,
      probe_targets.type = 'heartbeat' as is_heartbeat,
      probe_targets.severity as own_severity,
      coalesce(probe_targets.type in ('backend', 'database'), false) as is_vital,
      (verdict).is_maintenance
      or not coalesce(probe_targets.is_enabled, false)
      or coalesce(monitoring.is_paused_by_owner(probe_targets), false) as is_ignored,
      -- One heartbeat is a whole run of its job.
      case
        when probe_targets.type = 'heartbeat' then 1
        else coalesce(probe_targets.failures_to_open, policy.failures_to_open)
      end as failures_to_open,
      case
        when probe_targets.type = 'heartbeat' then 1
        else coalesce(probe_targets.successes_to_close, policy.successes_to_close)
      end as successes_to_close,
      case
        when (verdict).status <> 'down' then null
        when probe_targets.depends_on is null then (verdict).target
        else monitoring.find_root_cause((verdict).target)
      end as root_cause,
      (verdict).status = 'down' and probe_targets.depends_on is not null
      and monitoring.has_recovered_cause((verdict).target, (verdict).scheduled_at) as is_late,
      (
        select incidents.severity
        from public.incidents
        where (verdict).status in ('down', 'degraded', 'disputed')
          and incidents.fingerprint = 'health-check:target:' || (verdict).target
          and incidents.status <> 'resolved'
      ) as live_severity
    from unnest(find_verdict_effects.verdicts) as verdict
    join monitoring.target_states on target_states.target = verdict.target
    left join monitoring.probe_targets on probe_targets.name = verdict.target
    cross join policy
  )

  select
    known.verdict,
    case
      when (known.verdict).is_offline and known.status = 'unknown' then 'health-check:connectivity'
      when known.status = 'unknown' then 'health-check:prober'
      else 'health-check:target:' || coalesce(known.root_cause, known.target)
    end,
    case
      when known.is_ignored then null
      when known.status = 'unknown' and (known.verdict).is_offline then 'HIGH'::public.incident_severity
      when known.status = 'unknown'
        then case when known.unknown_rounds > 1 then 'HIGH'::public.incident_severity end
      when known.status = 'degraded' or known.status = 'disputed' then case
        when greatest(
          case when known.status = 'degraded' then known.degraded_rounds else known.disputed_rounds end,
          case when known.live_severity is not null then 3 end
        ) > 2 then least('MEDIUM'::public.incident_severity, known.own_severity)
      end
      when known.status <> 'down' or known.root_cause <> known.target or known.is_late then null
      -- Too few rounds to open an incident, or to make one more severe, but a live one follows the state.
      when known.down_rounds < known.failures_to_open then known.live_severity
      when known.own_severity is not null then known.own_severity
      when known.is_vital then 'CRITICAL'::public.incident_severity
      else 'HIGH'::public.incident_severity
    end,
    known.down_rounds,
    case
      when known.status <> 'up' or cardinality(known.changed_at) > 4 or known.good_rounds < known.successes_to_close
        then null
      when known.is_heartbeat then 'A heartbeat arrived.'
      when known.good_rounds = 1 then 'The target was up again.'
      else format('The target was up for %s consecutive rounds.', known.good_rounds)
    end
  from known
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
      when 'health-check:prober' then 'Targets cannot be checked'
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
          case describe_outage_message.size
            when 1 then '%2$s could not be checked: %3$s'
            else '%s targets could not be checked, such as %s: %s'
          end,
          describe_outage_message.size, describe_outage_message.target, describe_outage_message.problem
        )
      when 'health-check:connectivity'
        then format(
          'No server answered in a round in which %s targets failed, such as %s: %s',
          describe_outage_message.size, describe_outage_message.target, describe_outage_message.problem
        )
      else format(
        case describe_outage_message.status
          when 'disputed' then '%s is %s: the service reaches it, the database does not: %s'
          else '%s is %s: %s'
        end,
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
    when 'health-check:prober' then 'TargetsUnknown'
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
        case name_outage.status
          when 'down' then 'TargetDown' when 'disputed' then 'TargetDisputed' else 'TargetDegraded'
        end
      )
  end;
end
$$;

comment on function monitoring.name_outage(text, text, public.check_status) is
'Returns the error type of the incident of a health check.';

create function monitoring.describe_vantage_points(target text)
returns jsonb
language sql
stable
strict
security invoker
set search_path = ''
as $$
  select jsonb_build_object(
    'seen_from', case when look.status is null then '["database"]'::jsonb else '["database", "service"]'::jsonb end,
    'service_problem', look.problem
  )
  from (select describe_vantage_points.target as name) as given
  left join lateral (
    select target_looks.status, target_looks.problem
    from monitoring.target_states
    join monitoring.target_looks
      on target_looks.target = target_states.target
      and target_looks.requested_at >= target_states.since
    where target_states.target = given.name
      and target_looks.purpose = 'confirm'
      and target_looks.status in ('up', 'degraded', 'down')
    order by target_looks.requested_at desc
    limit 1
  ) as look on true
$$;

comment on function monitoring.describe_vantage_points(text) is
'Returns from where a target was seen since its status is what it is: the database, and the service where it was asked
and could look; service_problem is what the service saw.';

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
      checks.http_status::text as error_code,
      null::text as stack,
      worst.severity,
      case
        when worst.is_target and checks.target_type::text = any(enum_range(null::public.incident_category)::text[])
          then checks.target_type::text
        else 'infrastructure'
      end::public.incident_category as category,
      'health_check' as rule,
      'health-check' as source,
      null::text as environment,
      null::text as release,
      case when worst.is_target then checks.url end as url,
      jsonb_strip_nulls(
        jsonb_build_object(
          'targets', worst.targets,
          'check_id', worst.check_id,
          'attempts', checks.attempt,
          'http_status', checks.http_status,
          'response_time_ms', checks.response_time_ms,
          'answer', checks.answer_excerpt,
          'group', case when worst.is_target then probe_targets.group_name end,
          'tags', case when worst.is_target then to_jsonb(nullif(probe_targets.tags, '{}')) end
        )
        || case
          when worst.is_target and checks.target_type <> 'heartbeat'
            then monitoring.describe_vantage_points(worst.target)
          else '{}'
        end
      ) as context,
      'health-check' as sender,
      null::text as quota,
      null::text as body_hash,
      clock_timestamp() as happened_at,
      false as is_summary,
      false as is_resolution
    from (
      select
        grouped.*,
        grouped.fingerprint like 'health-check:target:%' as is_target,
        (grouped.effect).severity,
        ((grouped.effect).verdict).check_id,
        ((grouped.effect).verdict).target,
        ((grouped.effect).verdict).status,
        ((grouped.effect).verdict).problem
      from (
        select
          each.fingerprint,
          count(*) as size,
          (array_agg((each.verdict).target order by (each.verdict).target))[1:20] as targets,
          (array_agg(each order by each.severity desc, (each.verdict).target))[1] as effect
        from unnest(describe_outages.effects) as each
        where each.severity is not null
        group by each.fingerprint
      ) as grouped
    ) as worst
    join monitoring.probes as checks on checks.id = worst.check_id
    left join monitoring.probe_targets on probe_targets.name = worst.target
  ) as event
$$;

comment on function monitoring.describe_outages(monitoring.verdict_effect[]) is
'Returns events for upsert_incidents(), one per fingerprint, from the effects that open an incident or repeat one.';
