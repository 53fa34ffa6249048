-- Purpose: provides a view of the last 90 days of each target, for an uptime bar, and counts the figures that are
--   stored for status pages.
-- Objects: views public.target_days, monitoring.counted_figures.
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

create view monitoring.counted_figures
with (security_invoker = true)
as
with spans as materialized (
  select
    date_trunc('hour', now(), 'UTC') as hours_until,
    (now() at time zone 'UTC')::date as today,
    -- The first days that begin within 7 and 30 days.
    ((now() - interval '168 hours') at time zone 'UTC')::date + 1 as week_day,
    ((now() - interval '720 hours') at time zone 'UTC')::date + 1 as month_day,
    (
      select greatest(max(daily.day) + 1, (now() at time zone 'UTC')::date - 89)::timestamp at time zone 'UTC'
      from monitoring.target_daily_stats as daily
      where daily.day < (now() at time zone 'UTC')::date
    ) as days_until
),

-- Completed days, and the hours before the first and after the last of them: 720 hours a target would take longer to
-- read.
counted as (
  select
    target_daily_stats.target,
    target_daily_stats.day,
    target_daily_stats.up_seconds + target_daily_stats.degraded_seconds as up,
    target_daily_stats.up_seconds + target_daily_stats.degraded_seconds + target_daily_stats.down_seconds as known,
    target_daily_stats.up + target_daily_stats.degraded + target_daily_stats.down + target_daily_stats.unknown
    + target_daily_stats.maintenance + target_daily_stats.gap_seconds + target_daily_stats.up_seconds
    + target_daily_stats.degraded_seconds + target_daily_stats.down_seconds + target_daily_stats.unknown_seconds
    + target_daily_stats.maintenance_seconds > 0 as is_counted,
    false as is_of_last_hour,
    false as is_of_day,
    target_daily_stats.day >= (select spans.week_day from spans) as is_of_week,
    target_daily_stats.day >= (select spans.month_day from spans) as is_of_month,
    true as is_of_bar
  from monitoring.target_daily_stats
  where
    target_daily_stats.day >= (now() at time zone 'UTC')::date - 89
    and target_daily_stats.day < (now() at time zone 'UTC')::date
  union all
  select
    target_history.target,
    (target_history.hour at time zone 'UTC')::date as day,
    target_history.up_seconds + target_history.degraded_seconds as up,
    target_history.up_seconds + target_history.degraded_seconds + target_history.down_seconds as known,
    target_history.up + target_history.degraded + target_history.down + target_history.unknown
    + target_history.maintenance + target_history.gap_seconds + target_history.up_seconds
    + target_history.degraded_seconds + target_history.down_seconds + target_history.unknown_seconds
    + target_history.maintenance_seconds > 0 as is_counted,
    target_history.hour >= (select spans.hours_until from spans) as is_of_last_hour,
    target_history.hour >= now() - interval '24 hours' as is_of_day,
    target_history.hour >= now() - interval '168 hours'
    and (
      target_history.hour < (select spans.week_day from spans)::timestamp at time zone 'UTC'
      or target_history.hour >= (select spans.days_until from spans)
    ) as is_of_week,
    target_history.hour >= now() - interval '720 hours'
    and (
      target_history.hour < (select spans.month_day from spans)::timestamp at time zone 'UTC'
      or target_history.hour >= (select spans.days_until from spans)
    ) as is_of_month,
    target_history.hour >= (select spans.days_until from spans) as is_of_bar
  from public.target_history
  where
    target_history.hour >= (select least(spans.days_until, now() - interval '720 hours') from spans)
    and (
      target_history.hour >= (select least(now() - interval '24 hours', spans.days_until) from spans)
      or (
        target_history.hour >= now() - interval '720 hours'
        and target_history.hour < (select spans.month_day from spans)::timestamp at time zone 'UTC'
      )
      or (
        target_history.hour >= now() - interval '168 hours'
        and target_history.hour < (select spans.week_day from spans)::timestamp at time zone 'UTC'
      )
    )
),

-- The last hour is not over: its rounds are counted when they are judged.
summed as (
  select
    counted.target,
    counted.day,
    bool_or(counted.is_counted) filter (where counted.is_of_bar) as is_counted,
    sum(counted.up) filter (where counted.is_of_bar and not counted.is_of_last_hour) as up,
    sum(counted.known) filter (where counted.is_of_bar and not counted.is_of_last_hour) as known,
    sum(counted.up) filter (where counted.is_of_day and not counted.is_of_last_hour) as up_24h,
    sum(counted.known) filter (where counted.is_of_day and not counted.is_of_last_hour) as known_24h,
    sum(counted.up) filter (where counted.is_of_week and not counted.is_of_last_hour) as up_7d,
    sum(counted.known) filter (where counted.is_of_week and not counted.is_of_last_hour) as known_7d,
    sum(counted.up) filter (where counted.is_of_month and not counted.is_of_last_hour) as up_30d,
    sum(counted.known) filter (where counted.is_of_month and not counted.is_of_last_hour) as known_30d
  from counted
  group by counted.target, counted.day
),

calendar as (
  select spans.today - days_ago.number as day
  from spans
  cross join generate_series(0, 89) as days_ago (number)
),

bars as (
  select
    target_states.target,
    calendar.day,
    summed.up,
    summed.known,
    summed.up_24h,
    summed.known_24h,
    summed.up_7d,
    summed.known_7d,
    summed.up_30d,
    summed.known_30d,
    coalesce(summed.is_counted, false) as is_counted,
    100.0 * summed.up / nullif(summed.known, 0) as uptime
  from monitoring.target_states
  cross join calendar
  left join summed on target_states.target = summed.target and calendar.day = summed.day
)

select
  bars.target,
  spans.hours_until,
  spans.today as day,
  coalesce(sum(bars.up_24h), 0)::integer as up_24h,
  coalesce(sum(bars.known_24h), 0)::integer as known_24h,
  coalesce(sum(bars.up_7d), 0)::integer as up_7d,
  coalesce(sum(bars.known_7d), 0)::integer as known_7d,
  coalesce(sum(bars.up_30d), 0)::integer as up_30d,
  coalesce(sum(bars.known_30d), 0)::integer as known_30d,
  coalesce(sum(bars.up), 0)::integer as up_90d,
  coalesce(sum(bars.known), 0)::integer as known_90d,
  coalesce(sum(bars.up) filter (where bars.day = spans.today), 0)::integer as up_today,
  coalesce(sum(bars.known) filter (where bars.day = spans.today), 0)::integer as known_today,
  coalesce(bool_or(bars.is_counted) filter (where bars.day = spans.today), false) as is_today_counted,
  jsonb_agg(
    jsonb_build_object(
      'day', bars.day,
      'status', case
        when not bars.is_counted then null
        when bars.uptime is null then 'unknown'
        when bars.uptime < 95 then 'down'
        when bars.uptime < 100 then 'degraded'
        else 'up'
      end,
      'uptime_percent', round(bars.uptime, 3)
    )
    order by bars.day
  ) filter (where bars.day < spans.today) as days
from bars
cross join spans
group by bars.target, spans.hours_until, spans.today;

revoke all on table monitoring.counted_figures from public, anon, authenticated, service_role;

comment on view monitoring.counted_figures is
'Uptime of each target in the hours that are over, as monitoring.store_target_figures() stores it for status pages: in
24 hours, 7, 30 and 90 days that end with the current hour, of which nothing is counted here.';
