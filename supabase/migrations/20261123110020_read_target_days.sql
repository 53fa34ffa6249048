-- Purpose: provides a view of the last 90 days of each target, for an uptime bar.
-- Objects: view public.target_days.
-- Risks: the view is security invoker, so its readers need SELECT on the tables behind it, although they have no
--   USAGE on the schema monitoring.

create view public.target_days
with (security_invoker = true)
as
with counted as (
  select
    target_daily_stats.target,
    target_daily_stats.day,
    target_daily_stats.up,
    target_daily_stats.degraded,
    target_daily_stats.down,
    target_daily_stats.unknown,
    target_daily_stats.maintenance
  from monitoring.target_daily_stats
  where target_daily_stats.day >= (now() at time zone 'UTC')::date - 89
  union all
  -- Days that are not summed up yet: today, and shortly after midnight yesterday.
  select
    target_hourly_stats.target,
    (target_hourly_stats.hour at time zone 'UTC')::date,
    target_hourly_stats.up,
    target_hourly_stats.degraded,
    target_hourly_stats.down,
    target_hourly_stats.unknown,
    target_hourly_stats.maintenance
  from monitoring.target_hourly_stats
  where
    target_hourly_stats.hour >= coalesce(
      (select max(target_daily_stats.day) + 1 from monitoring.target_daily_stats),
      (now() at time zone 'UTC')::date - 89
    )::timestamp at time zone 'UTC'
  union all
  -- Hours that are not summed up yet: at most two.
  select
    monitoring_checks.target,
    (monitoring_checks.scheduled_at at time zone 'UTC')::date,
    (monitoring_checks.status = 'up' and not monitoring_checks.is_maintenance)::integer,
    (monitoring_checks.status = 'degraded' and not monitoring_checks.is_maintenance)::integer,
    (monitoring_checks.status = 'down' and not monitoring_checks.is_maintenance)::integer,
    (monitoring_checks.status = 'unknown' and not monitoring_checks.is_maintenance)::integer,
    monitoring_checks.is_maintenance::integer
  from public.monitoring_checks
  where
    monitoring_checks.scheduled_at >= coalesce(
      (select max(target_hourly_stats.hour) + interval '1 hour' from monitoring.target_hourly_stats),
      date_trunc('day', now(), 'UTC') - interval '89 days'
    )
    and monitoring_checks.status <> 'pending'
),

summed as (
  select
    counted.target,
    counted.day,
    sum(counted.up) as up,
    sum(counted.degraded) as degraded,
    sum(counted.down) as down,
    sum(counted.unknown) as unknown,
    sum(counted.maintenance) as maintenance,
    100.0 * sum(counted.up + counted.degraded)
    / nullif(sum(counted.up + counted.degraded + counted.down), 0) as uptime
  from counted
  group by counted.target, counted.day
)

select
  summed.target,
  summed.day,
  summed.up,
  summed.degraded,
  summed.down,
  summed.unknown,
  summed.maintenance,
  round(summed.uptime, 3) as uptime_percent,
  case
    when summed.uptime is null then 'unknown'::public.check_status
    when summed.uptime < 95 then 'down'::public.check_status
    when summed.uptime < 100 then 'degraded'::public.check_status
    else 'up'::public.check_status
  end as status
from summed;

revoke all on table public.target_days from public, anon, authenticated, service_role;

grant select on table public.target_days to authenticated, service_role;

comment on view public.target_days is
'Daily health-check counts of each target (UTC), for today and the 89 days before, for an uptime bar.

status is up without a failed round, degraded from 95 % uptime, down below, and unknown where no round counted.
uptime_percent is up and degraded rounds divided by up, degraded and down rounds; unknown rounds and rounds in
maintenance windows are not counted.';
