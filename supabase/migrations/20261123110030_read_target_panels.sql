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
      100.0 * sum(target_days.up + target_days.degraded)
      / nullif(sum(target_days.up + target_days.degraded + target_days.down), 0),
      3
    ) as uptime_90d_percent
  from monitoring.target_states
  cross join calendar
  left join public.target_days on target_states.target = target_days.target and calendar.day = target_days.day
  group by target_states.target
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
  target_status.uptime_24h_percent,
  target_status.is_heartbeat,
  target_status.last_heartbeat_at,
  target_status.next_heartbeat_at,
  bars.uptime_90d_percent,
  bars.days,
  coalesce(latest.is_maintenance, false) as is_maintenance,
  coalesce(latest.response_times_ms, '[]'::jsonb) as response_times_ms
from public.target_status
left join bars on target_status.target = bars.target
left join latest on target_status.target = latest.target;

revoke all on table public.target_panels from public, anon, authenticated, service_role;

grant select on table public.target_panels to authenticated, service_role;

comment on view public.target_panels is
'Targets for a status page: target_status with 90 days of uptime and recent response times.

days is [{"day", "status", "uptime_percent"}], 90 items, oldest first, with nulls for days without checks.
response_times_ms lists the last 60 rounds in milliseconds, oldest first, with null for rounds that were not up or
degraded.';
