-- Purpose: provides a view of each target for status pages: current state, 90 days of uptime, latest response times.
-- Objects: view public.target_panels.
-- Risks: the view is security invoker, so its readers need SELECT on the tables behind it, although they have no
--   USAGE on the schema monitoring.

create view public.target_panels
with (security_invoker = true)
as
with figures as (
  select
    current_figures.*,
    100.0 * current_figures.up_today / nullif(current_figures.known_today, 0) as uptime_today
  from monitoring.current_figures
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
  target_status.uptime_24h_percent,
  target_status.figures_at,
  round(100.0 * figures.up_90d / nullif(figures.known_90d, 0), 3) as uptime_90d_percent,
  coalesce(
    figures.days || jsonb_build_object(
      'day', figures.day,
      'status', case
        when not figures.is_today_counted then null
        when figures.uptime_today is null then 'unknown'
        when figures.uptime_today < 95 then 'down'
        when figures.uptime_today < 100 then 'degraded'
        else 'up'
      end,
      'uptime_percent', round(figures.uptime_today, 3)
    ),
    (
      select
        jsonb_agg(
          jsonb_build_object('day', calendar.day, 'status', null, 'uptime_percent', null) order by calendar.day
        )
      from (
        select (now() at time zone 'UTC')::date - days_ago.number as day
        from generate_series(0, 89) as days_ago (number)
      ) as calendar
    )
  ) as days,
  coalesce(figures.is_maintenance, false) as is_maintenance,
  coalesce(figures.response_times_ms, '[]'::jsonb) as response_times_ms
from public.target_status
left join figures on target_status.target = figures.target;

revoke all on table public.target_panels from public, anon, authenticated, service_role;

grant select on table public.target_panels to authenticated, service_role;

comment on view public.target_panels is
'Targets for a status page: target_status with 90 days of uptime and recent response times.

days is [{"day", "status", "uptime_percent"}], 90 items, oldest first, with nulls for days before the first check. A day
on which no time counted, such as one without any check, is unknown.
The last day is that of figures_at: until the job that counts the hours runs after midnight, it is the day before.
response_times_ms lists the last 60 rounds in milliseconds, oldest first, with null for rounds that were not up or
degraded.';
