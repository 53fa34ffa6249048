-- Purpose: provides a view of each target for status pages: current state, 90 days of uptime, latest response times.
-- Objects: view public.target_panels.
-- Risks: the view is security invoker, so its readers need SELECT on the tables behind it, although they have no
--   USAGE on the schema monitoring.

create view public.target_panels
with (security_invoker = true)
as
with calendar as (
  select (now() at time zone 'UTC')::date - days_ago.number as day
  from generate_series(0, 89) as days_ago (number)
),

bars as (
  select
    target_states.target,
    jsonb_agg(
      jsonb_build_object(
        'day', calendar.day, 'status', target_days.status, 'uptime_percent', target_days.uptime_percent
      )
      order by calendar.day
    ) as days,
    round(
      100.0 * sum(target_days.up_seconds + target_days.degraded_seconds)
      / nullif(sum(target_days.up_seconds + target_days.degraded_seconds + target_days.down_seconds), 0),
      3
    ) as uptime_90d_percent,
    sum(target_days.up_seconds + target_days.degraded_seconds)
    filter (where calendar.day = (now() at time zone 'UTC')::date) as up_today,
    sum(target_days.up_seconds + target_days.degraded_seconds + target_days.down_seconds)
    filter (where calendar.day = (now() at time zone 'UTC')::date) as counted_today
  from monitoring.target_states
  cross join calendar
  left join public.target_days on target_states.target = target_days.target and calendar.day = target_days.day
  group by target_states.target
),

-- The hours of the last 24 before today: with today, uptime_24h_percent as in target_status, but without counting the
-- hours again that are not summed up.
yesterday as (
  select
    target_history.target,
    sum(target_history.up_seconds + target_history.degraded_seconds) as up,
    sum(target_history.up_seconds + target_history.degraded_seconds + target_history.down_seconds) as counted
  from public.target_history
  where
    target_history.hour >= now() - interval '24 hours'
    and target_history.hour < date_trunc('day', now(), 'UTC')
  group by target_history.target
),

rounds as (
  select
    target_states.target,
    recent.scheduled_at,
    recent.is_maintenance,
    recent.response_time_ms
  from monitoring.target_states
  cross join lateral (
    select
      monitoring_checks.scheduled_at,
      monitoring_checks.is_maintenance,
      case when monitoring_checks.status in ('up', 'degraded') then monitoring_checks.response_time_ms end
        as response_time_ms
    from public.monitoring_checks
    where
      monitoring_checks.target = target_states.target
      and monitoring_checks.status <> 'pending'
    order by monitoring_checks.scheduled_at desc
    limit 60
  ) as recent
),

latest as (
  select
    rounds.target,
    (array_agg(rounds.is_maintenance order by rounds.scheduled_at desc))[1] as is_maintenance,
    jsonb_agg(rounds.response_time_ms order by rounds.scheduled_at) as response_times_ms
  from rounds
  group by rounds.target
)

select
  target_status.target,
  target_status.status,
  target_status.since,
  target_status.last_check_at,
  target_status.last_response_time_ms,
  target_status.p50_ms,
  target_status.p95_ms,
  target_status.incident_id,
  target_status.is_heartbeat,
  target_status.last_heartbeat_at,
  target_status.next_heartbeat_at,
  bars.uptime_90d_percent,
  bars.days,
  target_status.group_name,
  target_status.tags,
  target_status.is_paused,
  target_status.paused_until,
  target_status.pause_reason,
  target_status.http_status,
  target_status.last_error,
  target_status.seen_from,
  target_status.service_status,
  target_status.service_problem,
  target_status.certificate_expires_at,
  target_status.certificate_issuer,
  target_status.certificate_problem,
  target_status.certificate_looked_at,
  target_status.response_time_error_ms,
  round(
    100.0 * (coalesce(bars.up_today, 0) + coalesce(yesterday.up, 0))
    / nullif(coalesce(bars.counted_today, 0) + coalesce(yesterday.counted, 0), 0),
    3
  ) as uptime_24h_percent,
  coalesce(latest.is_maintenance, false) as is_maintenance,
  coalesce(latest.response_times_ms, '[]'::jsonb) as response_times_ms
from public.target_status
left join bars on target_status.target = bars.target
left join yesterday on target_status.target = yesterday.target
left join latest on target_status.target = latest.target;

revoke all on table public.target_panels from public, anon, authenticated, service_role;

grant select on table public.target_panels to authenticated, service_role;

comment on view public.target_panels is
'Targets for a status page: target_status with 90 days of uptime and recent response times.

days is [{"day", "status", "uptime_percent"}], 90 items, oldest first, with nulls for days before the first check. A day
on which no time counted, such as one without any check, is unknown.
response_times_ms lists the last 60 rounds in milliseconds, oldest first, with null for rounds that were not up or
degraded.';
