-- Purpose: turns recorded responses into verdicts (up, degraded, down, unknown) and retries failed checks.
-- Objects: type monitoring.verdict; functions monitoring.describe_statuses, monitoring.judge_answers,
--   monitoring.resend_probes, monitoring.find_ready_verdicts.
-- Risks: rows that pg_net's worker is writing are skipped until the next run, never waited for.

create type monitoring.verdict as (
  check_id bigint,
  target text,
  scheduled_at timestamptz,
  status public.check_status,
  problem text,
  has_http_answer boolean,
  is_maintenance boolean,
  is_slow boolean,
  response_time_ms integer,
  may_try_again boolean
);

comment on type monitoring.verdict is
'The result of the latest attempt of a check, and whether another attempt may follow.';

create function monitoring.describe_statuses(statuses int4multirange)
returns text
language sql
immutable
strict
parallel safe
security invoker
set search_path = ''
as $$
  select string_agg(
    case
      when lower(codes.span) = upper(codes.span) - 1 then lower(codes.span)::text
      else lower(codes.span) || '-' || upper(codes.span) - 1
    end,
    ', ' order by codes.span
  )
  from unnest(describe_statuses.statuses) as codes (span)
$$;

comment on function monitoring.describe_statuses(int4multirange) is
'Formats a multirange of status codes as text, such as 200-399, 401.';

create function monitoring.judge_answers()
returns setof monitoring.verdict
language sql
volatile
security invoker
set search_path = ''
as $$
  with locked as materialized (
    select monitoring_checks.*
    from public.monitoring_checks
    where monitoring_checks.status = 'pending'
      and (monitoring_checks.answered_at is not null or monitoring_checks.answer_due_at <= clock_timestamp())
    order by monitoring_checks.id
    for update skip locked
  ),

  judged as (
    select
      locked.*,
      target.max_response_ms,
      coalesce(target.is_enabled, false) as is_enabled,
      case
        when locked.answered_at is null
          then coalesce(locked.error, 'no response from pg_net, so the state of the target is unknown')
        when locked.http_status is null then coalesce(locked.error, 'no HTTP response')
        else locked.unmet_condition
      end as problem
    from locked
    left join monitoring.probe_targets as target on target.name = locked.target
  )

  select
    judged.id,
    judged.target,
    judged.scheduled_at,
    case
      when judged.answered_at is null then 'unknown'::public.check_status
      when judged.problem is not null then 'down'::public.check_status
      when judged.response_time_ms > judged.max_response_ms then 'degraded'::public.check_status
      else 'up'::public.check_status
    end,
    case
      when judged.problem is null and judged.response_time_ms > judged.max_response_ms
        then format('responded in %s ms, expected at most %s ms', judged.response_time_ms, judged.max_response_ms)
      else judged.problem
    end,
    judged.http_status is not null,
    judged.is_maintenance,
    case
      when judged.http_status is not null then coalesce(judged.response_time_ms > 1000, false)
      else coalesce(judged.error like 'timed out%', true)
    end,
    judged.response_time_ms,
    judged.answered_at is not null
    and judged.problem is not null
    and judged.is_enabled
    and judged.attempt < (monitoring.config('health_check_policy') ->> 'attempts')::integer
    and clock_timestamp() < judged.retry_until
  from judged
$$;

comment on function monitoring.judge_answers() is
'Locks the checks whose latest attempt was answered or is overdue, and returns their verdicts.';

create function monitoring.resend_probes(verdicts monitoring.verdict[])
returns bigint
language sql
volatile
security invoker
set search_path = ''
as $$
  with failed as (
    select
      verdict.check_id, verdict.problem, probe_targets as target,
      row_number() over (order by verdict.is_slow, verdict.check_id) as rank,
      max(probe_targets.timeout_ms) over () as longest_timeout_ms
    from unnest(resend_probes.verdicts) as verdict
    join monitoring.probe_targets on probe_targets.name = verdict.target
    where verdict.may_try_again
    order by rank
  ),

  sent as materialized (
    select
      failed.*,
      probe.request_id,
      probe.problem as sending_problem,
      (select count(*) from net.http_request_queue) as queued
    from failed
    cross join lateral monitoring.send_probe(failed.target) as probe
  ),

  noted as (
    update public.monitoring_checks
    set
      attempt = monitoring_checks.attempt + 1,
      error_count = monitoring_checks.error_count + 1,
      request_id = sent.request_id,
      sent_at = clock_timestamp(),
      answered_at = null,
      error = coalesce(sent.sending_problem, sent.problem),
      answer_due_at = case
        when sent.sending_problem is not null then clock_timestamp()
        else monitoring.find_answer_due((sent.target).timeout_ms, sent.queued, sent.longest_timeout_ms)
      end
    from sent
    where monitoring_checks.id = sent.check_id
    returning monitoring_checks.id
  )

  select count(*)
  from noted
$$;

comment on function monitoring.resend_probes(monitoring.verdict[]) is
'Sends another request for each verdict that may be tried again, on the same row. Returns their number.';

create function monitoring.find_ready_verdicts(verdicts monitoring.verdict[])
returns setof monitoring.verdict
language sql
stable
security invoker
set search_path = ''
as $$
  with round as (
    select
      rounds.scheduled_at,
      bool_or(monitoring_checks.http_status is not null) as has_http_answer,
      count(*) filter (
        where monitoring_checks.status = 'pending' and verdict.check_id is null
      ) as awaited,
      count(*) filter (
        where coalesce(verdict.status, monitoring_checks.status) = 'down' and monitoring_checks.http_status is null
      ) as silent
    from (
      select distinct verdict.scheduled_at
      from unnest(find_ready_verdicts.verdicts) as verdict
    ) as rounds
    join public.monitoring_checks
      on monitoring_checks.scheduled_at = rounds.scheduled_at
      and monitoring_checks.target_type <> 'heartbeat'
    left join unnest(find_ready_verdicts.verdicts) as verdict on verdict.check_id = monitoring_checks.id
    group by rounds.scheduled_at
  )

  select verdict.*
  from unnest(find_ready_verdicts.verdicts) as verdict
  join round on round.scheduled_at = verdict.scheduled_at
  left join monitoring.probe_targets on probe_targets.name = verdict.target
  where not exists (
    select
    from public.monitoring_checks as earlier
    where earlier.target = verdict.target
      and earlier.scheduled_at < verdict.scheduled_at
      and earlier.status = 'pending'
  )
    and (
      verdict.status <> 'down'
      -- All targets failed without an HTTP response: our own connection failed.
      or (round.awaited = 0 and not round.has_http_answer and round.silent > 1)
      or (
        (verdict.has_http_answer or round.has_http_answer or round.awaited = 0)
        and not exists (
          select
          from public.monitoring_checks as dependency
          where dependency.target = probe_targets.depends_on
            and dependency.scheduled_at = verdict.scheduled_at
            and dependency.status = 'pending'
        )
      )
    )
$$;

comment on function monitoring.find_ready_verdicts(monitoring.verdict[]) is
'Returns the verdicts that can be applied now. Earlier rounds of a target come first. A failure waits for the target
it depends on; a failure without an HTTP response also waits for a response of another target or for the end of the
round, which shows whether the target or our own connection failed.';
