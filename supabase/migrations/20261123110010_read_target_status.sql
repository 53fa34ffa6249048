-- Purpose: provides views of the current state of each target and of its hours, for dashboards.
-- Objects: views public.target_history, public.target_status.
-- Risks: the views are security invoker, so their readers need SELECT on the tables behind them, although they have
--   no USAGE on the schema monitoring.

create view public.target_history
with (security_invoker = true)
as
select
  target_hourly_stats.target,
  target_hourly_stats.hour,
  target_hourly_stats.checks,
  target_hourly_stats.up,
  target_hourly_stats.degraded,
  target_hourly_stats.down,
  target_hourly_stats.unknown,
  target_hourly_stats.maintenance,
  target_hourly_stats.p50_ms,
  target_hourly_stats.p95_ms,
  target_hourly_stats.max_ms,
  round(
    100.0 * (target_hourly_stats.up + target_hourly_stats.degraded)
    / nullif(target_hourly_stats.up + target_hourly_stats.degraded + target_hourly_stats.down, 0),
    3
  ) as uptime_percent
from monitoring.target_hourly_stats;

revoke all on table public.target_history from public, anon, authenticated, service_role;

grant select on table public.target_history to authenticated, service_role;

comment on view public.target_history is
'Hourly health-check counts and response times of each target, for charts.

uptime_percent is up and degraded rounds divided by up, degraded and down rounds; unknown rounds and rounds in
maintenance windows are not counted. Response times are in milliseconds, of rounds that were up or degraded.';

create view public.target_status
with (security_invoker = true)
as
with counted as (
  select
    target_hourly_stats.target,
    target_hourly_stats.hour as moment,
    target_hourly_stats.up + target_hourly_stats.degraded as up,
    target_hourly_stats.down
  from monitoring.target_hourly_stats
  where target_hourly_stats.hour >= now() - interval '30 days'
  union all
  -- Hours that are not summed up yet: at most two.
  select
    monitoring_checks.target,
    monitoring_checks.scheduled_at,
    (monitoring_checks.status in ('up', 'degraded'))::integer,
    (monitoring_checks.status = 'down')::integer
  from public.monitoring_checks
  where
    monitoring_checks.scheduled_at >= coalesce(
      (select max(target_hourly_stats.hour) + interval '1 hour' from monitoring.target_hourly_stats),
      now() - interval '30 days'
    )
    and not monitoring_checks.is_maintenance
),

figures as (
  select
    counted.target,
    sum(counted.up) filter (where counted.moment >= now() - interval '24 hours') as up_24h,
    sum(counted.up + counted.down) filter (where counted.moment >= now() - interval '24 hours') as counted_24h,
    sum(counted.up) filter (where counted.moment >= now() - interval '7 days') as up_7d,
    sum(counted.up + counted.down) filter (where counted.moment >= now() - interval '7 days') as counted_7d,
    sum(counted.up) as up_30d,
    sum(counted.up + counted.down) as counted_30d
  from counted
  group by counted.target
),

recent as (
  select
    monitoring_checks.target,
    round(percentile_cont(0.5) within group (order by monitoring_checks.response_time_ms))::integer as p50_ms,
    round(percentile_cont(0.95) within group (order by monitoring_checks.response_time_ms))::integer as p95_ms
  from public.monitoring_checks
  where
    monitoring_checks.scheduled_at >= now() - interval '1 hour'
    and monitoring_checks.status in ('up', 'degraded')
  group by monitoring_checks.target
)

select
  target_states.target,
  target_states.status,
  target_states.since,
  target_states.last_check_at,
  target_states.last_response_time_ms,
  recent.p50_ms,
  recent.p95_ms,
  incidents.id as incident_id,
  heartbeats.last_ok_at as last_heartbeat_at,
  round(100.0 * figures.up_24h / nullif(figures.counted_24h, 0), 3) as uptime_24h_percent,
  round(100.0 * figures.up_7d / nullif(figures.counted_7d, 0), 3) as uptime_7d_percent,
  round(100.0 * figures.up_30d / nullif(figures.counted_30d, 0), 3) as uptime_30d_percent,
  heartbeats.target is not null as is_heartbeat,
  nullif(heartbeats.next_expected_at, 'infinity') as next_heartbeat_at
from monitoring.target_states
left join monitoring.heartbeats on target_states.target = heartbeats.target
left join figures on target_states.target = figures.target
left join recent on target_states.target = recent.target
left join public.incidents
  on
    incidents.fingerprint = 'health-check:target:' || target_states.target
    and incidents.status <> 'resolved';

revoke all on table public.target_status from public, anon, authenticated, service_role;

grant select on table public.target_status to authenticated, service_role;

comment on view public.target_status is
'Current state of each target that is probed.

since is the round since which the status is unchanged. uptime_24h_percent, uptime_7d_percent and uptime_30d_percent
are up and degraded rounds divided by up, degraded and down rounds; unknown rounds and rounds in maintenance windows
are not counted. p50_ms and p95_ms are response times of the last hour in milliseconds, null without any.
incident_id is the live incident of the target. A target of type heartbeat is not probed: it has no response times, one
round a minute, the time of its last success in last_heartbeat_at, and the next one is expected at next_heartbeat_at.';
