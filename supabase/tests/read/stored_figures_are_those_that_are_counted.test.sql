-- What status pages show is stored. The view monitoring.test_counted counts the same from the hours and the checks at each
-- call, as the views did before.
begin;

select plan(9);

delete from monitoring.probes;

delete from public.monitoring_checks;

delete from monitoring.target_hourly_stats;

delete from monitoring.target_daily_stats;

delete from monitoring.target_states;

create view monitoring.test_counted
with (security_invoker = true)
as
with spans as materialized (
  select
    -- The first days that begin within 7 and 30 days.
    ((now() - interval '168 hours') at time zone 'UTC')::date + 1 as week_day,
    ((now() - interval '720 hours') at time zone 'UTC')::date + 1 as month_day,
    (
      select coalesce(max(target_daily_stats.day) + 1, '-infinity')::timestamp at time zone 'UTC'
      from monitoring.target_daily_stats
      where target_daily_stats.day < (now() at time zone 'UTC')::date
    ) as days_until
),

-- Completed days, and the hours before the first and after the last of them: 720 hours a target would take longer to
-- read.
counted as (
  select
    target_daily_stats.target,
    target_daily_stats.up_seconds + target_daily_stats.degraded_seconds as up,
    target_daily_stats.up_seconds + target_daily_stats.degraded_seconds + target_daily_stats.down_seconds as known,
    false as is_of_day,
    target_daily_stats.day >= (select spans.week_day from spans) as is_of_week,
    true as is_of_month
  from monitoring.target_daily_stats
  where
    target_daily_stats.day >= (select spans.month_day from spans)
    and target_daily_stats.day < (now() at time zone 'UTC')::date
  union all
  select
    target_history.target,
    target_history.up_seconds + target_history.degraded_seconds as up,
    target_history.up_seconds + target_history.degraded_seconds + target_history.down_seconds as known,
    target_history.hour >= now() - interval '24 hours' as is_of_day,
    target_history.hour >= now() - interval '168 hours'
    and (
      target_history.hour < (select spans.week_day from spans)::timestamp at time zone 'UTC'
      or target_history.hour >= (select spans.days_until from spans)
    ) as is_of_week,
    target_history.hour < (select spans.month_day from spans)::timestamp at time zone 'UTC'
    or target_history.hour >= (select spans.days_until from spans) as is_of_month
  from public.target_history
  where
    target_history.hour >= now() - interval '720 hours'
    and (
      target_history.hour >= least(now() - interval '24 hours', (select spans.days_until from spans))
      or target_history.hour < (select spans.month_day from spans)::timestamp at time zone 'UTC'
      or (
        target_history.hour >= now() - interval '168 hours'
        and target_history.hour < (select spans.week_day from spans)::timestamp at time zone 'UTC'
      )
    )
),

figures as (
  select
    counted.target,
    sum(counted.up) filter (where counted.is_of_day) as up_24h,
    sum(counted.known) filter (where counted.is_of_day) as counted_24h,
    sum(counted.up) filter (where counted.is_of_week) as up_7d,
    sum(counted.known) filter (where counted.is_of_week) as counted_7d,
    sum(counted.up) filter (where counted.is_of_month) as up_30d,
    sum(counted.known) filter (where counted.is_of_month) as counted_30d
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
),

calendar as (
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
  target_states.target,
  recent.p50_ms,
  recent.p95_ms,
  judged.http_status,
  judged.error as last_error,
  judged.service_status,
  bars.uptime_90d_percent,
  bars.days,
  round(100.0 * figures.up_24h / nullif(figures.counted_24h, 0), 3) as uptime_24h_percent,
  round(100.0 * figures.up_7d / nullif(figures.counted_7d, 0), 3) as uptime_7d_percent,
  round(100.0 * figures.up_30d / nullif(figures.counted_30d, 0), 3) as uptime_30d_percent,
  round(
    100.0 * (coalesce(bars.up_today, 0) + coalesce(yesterday.up, 0))
    / nullif(coalesce(bars.counted_today, 0) + coalesce(yesterday.counted, 0), 0),
    3
  ) as uptime_24h_of_panel,
  coalesce(latest.is_maintenance, false) as is_maintenance,
  coalesce(latest.response_times_ms, '[]'::jsonb) as response_times_ms
from monitoring.target_states
left join figures on target_states.target = figures.target
left join recent on target_states.target = recent.target
left join bars on target_states.target = bars.target
left join yesterday on target_states.target = yesterday.target
left join latest on target_states.target = latest.target
left join lateral (
  select
    monitoring_checks.http_status,
    monitoring_checks.error,
    monitoring_checks.service_status
  from public.monitoring_checks
  where
    monitoring_checks.target = target_states.target
    and monitoring_checks.status <> 'pending'
    and monitoring_checks.scheduled_at <= now()
  order by monitoring_checks.scheduled_at desc
  limit 1
) as judged on true;

create function monitoring.test_differences()
returns setof text
language sql
set search_path = ''
as $$
  select pairs.stored || ' instead of ' || pairs.counted
  from (
    select
      jsonb_build_array(
        states.target, panels.p50_ms, panels.p95_ms, panels.http_status, panels.last_error, panels.service_status,
        panels.uptime_90d_percent, states.uptime_24h_percent, states.uptime_7d_percent, states.uptime_30d_percent,
        panels.uptime_24h_percent, panels.is_maintenance, panels.response_times_ms, panels.days
      )::text as stored,
      jsonb_build_array(
        counted.target, counted.p50_ms, counted.p95_ms, counted.http_status, counted.last_error, counted.service_status,
        counted.uptime_90d_percent, counted.uptime_24h_percent, counted.uptime_7d_percent, counted.uptime_30d_percent,
        counted.uptime_24h_of_panel, counted.is_maintenance, counted.response_times_ms, counted.days
      )::text as counted
    from public.target_status as states
    join public.target_panels as panels on panels.target = states.target
    join monitoring.test_counted as counted on counted.target = states.target
  ) as pairs
  where pairs.stored <> pairs.counted
$$;

create function monitoring.test_judge(target text, minutes integer, hours_ago integer, until_minutes_ago integer)
returns void
language sql
set search_path = ''
as $$
  insert into public.monitoring_checks (
    target, target_type, status, scheduled_at, completed_at, interval_minutes, is_maintenance, response_time_ms, http_status
  )
  select
    test_judge.target,
    'other',
    (array['up', 'down', 'degraded', 'unknown', 'disputed', 'up', 'up', 'up', 'up'])[ceil(random() * 9)]
    ::public.check_status,
    minutes.minute,
    now(),
    test_judge.minutes,
    random() < 0.1,
    (random() * 1000)::integer,
    200 + (random() * 300)::integer
  from generate_series(
    date_trunc('minute', now()) - make_interval(hours => test_judge.hours_ago),
    date_trunc('minute', now()) - make_interval(mins => test_judge.until_minutes_ago),
    make_interval(mins => test_judge.minutes)
  ) as minutes (minute)
  where random() < 0.9
  on conflict on constraint one_check_a_target_and_round do nothing
$$;

-- Every kind of target: checked each minute, every 7 minutes, hourly for longer than the bar, daily, new, paused for hours
-- and for weeks, and never checked.
insert into monitoring.target_states (target, since)
select
  'target ' || number as target,
  now() as since
from unnest('{1,2,3,4,5,6,7,8}'::integer[]) as targets (number);

select setseed(0.18);

select monitoring.test_judge('target ' || given.number, given.minutes, given.hours_ago, given.until_minutes_ago)
from (
  values
  (1, 1, 27, 2), (2, 7, 75, 10), (3, 60, 2300, 65), (4, 1440, 2300, 1445), (5, 1, 1, 5), (6, 5, 60, 330),
  (7, 5, 720, 36000)
) as given (number, minutes, hours_ago, until_minutes_ago);

select is_empty('select * from monitoring.test_differences()', 'the first rounds of a target are counted at once');

select monitoring.roll_up_checks();

select monitoring.roll_up_days();

select is_empty('select * from monitoring.test_differences()', 'so they are after the roll-up');

select is(monitoring.store_target_figures(), 8::bigint, 'the job stores the figures of all targets');

select is_empty('select * from monitoring.test_differences()', 'they are those that are counted');

-- Rounds of now, and of hours that were counted. Some are not judged yet, and end the ones before.
insert into monitoring.probes (target, target_type, scheduled_at, interval_minutes)
select
  'target ' || given.number as target,
  'other' as target_type,
  date_trunc('minute', now()) - make_interval(mins => given.minutes_ago, secs => 30) as scheduled_at,
  1 as interval_minutes
from (values (1, 12), (2, 3), (3, 20), (4, 30), (6, 1)) as given (number, minutes_ago);

select monitoring.test_judge('target ' || given.number, given.minutes, given.hours_ago, 0)
from (values (1, 1, 1), (2, 7, 2), (3, 60, 70), (4, 1440, 240), (5, 1, 1), (6, 5, 5), (8, 1, 0)) as given (number, minutes, hours_ago);

select is_empty('select * from monitoring.test_differences()', 'each round changes the figures');

update public.monitoring_checks
set status = case status when 'up' then 'down' else 'up' end::public.check_status, response_time_ms = 7
where scheduled_at > now() - interval '30 hours' and target < 'target 5';

select is_empty('select * from monitoring.test_differences()', 'and so does a judgement that is changed');

-- Where the rows lie: an update moves a row.
create temporary table rounds_before as
select
  target,
  ctid::text as place
from monitoring.target_rounds;

update public.monitoring_checks
set error = 'erased';

select results_eq(
  'select target, ctid::text from monitoring.target_rounds', 'select * from rounds_before', 'a text counts for nothing'
);

delete from monitoring.target_states
where target = 'target 1';

select is_empty(
  $$ select from monitoring.target_figures where target = 'target 1'
     union all
     select from monitoring.target_rounds where target = 'target 1' $$,
  'a target that is removed has no figures'
);

select throws_ok(
  $$ update monitoring.target_figures set hours_until = hours_until + interval '1 minute' $$,
  '23514', 'new row for relation "target_figures" violates check constraint "hours_end_on_the_hour"',
  'hours are counted until the beginning of one'
);

select * from finish();

rollback;
