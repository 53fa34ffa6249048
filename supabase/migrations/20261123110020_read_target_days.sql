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
    target_daily_stats.maintenance,
    target_daily_stats.up_seconds,
    target_daily_stats.degraded_seconds,
    target_daily_stats.down_seconds,
    target_daily_stats.unknown_seconds,
    target_daily_stats.maintenance_seconds,
    target_daily_stats.gap_seconds
  from monitoring.target_daily_stats
  where
    target_daily_stats.day >= (now() at time zone 'UTC')::date - 89
    -- A later one was stored while the clock was ahead.
    and target_daily_stats.day < (now() at time zone 'UTC')::date
  union all
  -- Days that are not summed up yet: today, and shortly after midnight yesterday.
  select
    target_history.target,
    (target_history.hour at time zone 'UTC')::date as day,
    target_history.up,
    target_history.degraded,
    target_history.down,
    target_history.unknown,
    target_history.maintenance,
    target_history.up_seconds,
    target_history.degraded_seconds,
    target_history.down_seconds,
    target_history.unknown_seconds,
    target_history.maintenance_seconds,
    target_history.gap_seconds
  from public.target_history
  where
    target_history.hour >= (
      select greatest(max(target_daily_stats.day) + 1, (now() at time zone 'UTC')::date - 89)
      from monitoring.target_daily_stats
      where target_daily_stats.day < (now() at time zone 'UTC')::date
    )::timestamp at time zone 'UTC'
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
    sum(counted.up_seconds) as up_seconds,
    sum(counted.degraded_seconds) as degraded_seconds,
    sum(counted.down_seconds) as down_seconds,
    sum(counted.unknown_seconds) as unknown_seconds,
    sum(counted.maintenance_seconds) as maintenance_seconds,
    sum(counted.gap_seconds) as gap_seconds,
    100.0 * sum(counted.up_seconds + counted.degraded_seconds)
    / nullif(sum(counted.up_seconds + counted.degraded_seconds + counted.down_seconds), 0) as uptime
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
  summed.up_seconds,
  summed.degraded_seconds,
  summed.down_seconds,
  summed.unknown_seconds,
  summed.maintenance_seconds,
  summed.gap_seconds,
  round(summed.uptime, 3) as uptime_percent,
  case
    when summed.uptime is null then 'unknown'::public.check_status
    when summed.uptime < 95 then 'down'::public.check_status
    when summed.uptime < 100 then 'degraded'::public.check_status
    else 'up'::public.check_status
  end as status
from summed
-- A target whose first check is pending has no day yet.
where
  summed.up + summed.degraded + summed.down + summed.unknown + summed.maintenance + summed.gap_seconds
  + summed.up_seconds + summed.degraded_seconds + summed.down_seconds + summed.unknown_seconds
  + summed.maintenance_seconds > 0;

revoke all on table public.target_days from public, anon, authenticated, service_role;

grant select on table public.target_days to authenticated, service_role;

comment on view public.target_days is
'Daily health checks of each target (UTC), for today and the 89 days before, for an uptime bar.

status is up without time down, degraded from 95 % uptime, down below, and unknown where no time counted. uptime_percent
is the time up or degraded divided by the time up, degraded or down; unknown_seconds, maintenance_seconds and
gap_seconds, the time that no check covers, are not counted. See target_history.';
