begin;

select plan(11);

delete from public.monitoring_checks;

delete from monitoring.target_hourly_stats;

delete from monitoring.target_daily_stats;

delete from monitoring.target_states;

insert into monitoring.target_states (target, status, since)
values ('api', 'up', now()), ('new', 'pending', now());

-- Yesterday: down for 1 of 100 minutes. The day before: for 10. Before that a day in maintenance, and one without any
-- check. Today: raw checks.
insert into monitoring.target_hourly_stats (
  target, hour, checks, up, degraded, down, unknown, maintenance, up_seconds, down_seconds, maintenance_seconds,
  gap_seconds
)
select
  'api' as target,
  date_trunc('day', now(), 'UTC') - interval '1 hour' * (24 * given.days_ago - hours.hour) as hour,
  100 as checks,
  given.up,
  0 as degraded,
  given.down,
  0 as unknown,
  100 - given.up - given.down as maintenance,
  given.up * 6 as up_seconds,
  given.down * 6 as down_seconds,
  given.maintenance * 6 as maintenance_seconds,
  given.gap * 6 as gap_seconds
from
  (values (1, 99, 1, 0, 0), (2, 90, 10, 0, 0), (3, 0, 0, 100, 0), (4, 0, 0, 0, 100), (91, 0, 100, 0, 0))
    as given (days_ago, up, down, maintenance, gap)
cross join (values (0), (23)) as hours (hour);

insert into public.monitoring_checks (
  target, target_type, url, status, response_time_ms, scheduled_at, completed_at, is_maintenance
)
select
  'api' as target,
  'backend'::public.target_type as target_type,
  'https://a.example/' as url,
  given.status::public.check_status,
  given.response_time_ms,
  date_trunc('day', now(), 'UTC') + make_interval(secs => given.second) as scheduled_at,
  now() as completed_at,
  given.is_maintenance
from (
  values (0, 'up', 10, false), (1, 'down', 5000, true), (2, 'degraded', 30, false), (3, 'unknown', null, false)
) as given (second, status, response_time_ms, is_maintenance);

-- The seconds of today that count, which are fewer than two while the day is three seconds old: one of up, and after the
-- maintenance one of degraded.
create temporary table today as
with days as (
  select floor(extract(epoch from now() - date_trunc('day', now(), 'UTC')))::integer as age
),

counted as (
  select least(days.age, 1) + least(greatest(days.age - 2, 0), 1) as seconds from days
)

select
  counted.seconds,
  case when counted.seconds > 0 then 'up'::public.check_status else 'unknown' end as status,
  case when counted.seconds > 0 then 100.000 end as uptime_percent
from counted;

grant select on today to authenticated;

select results_eq(
  $$ select status, uptime_percent from public.target_days where target = 'api' order by day $$,
  $$ values
     ('unknown'::public.check_status, null::numeric), ('unknown', null), ('down', 90.000), ('degraded', 99.000)
     union all select status, uptime_percent from today $$,
  'a day is up, degraded from 95 %, down below, and unknown where no time counted'
);

select is(monitoring.roll_up_days(), 5::bigint, 'completed days are summed up');

select is(monitoring.roll_up_days(), 1::bigint, 'the last day is summed up again');

select results_eq(
  $$ select status, uptime_percent from public.target_days where target = 'api' order by day $$,
  $$ values
     ('unknown'::public.check_status, null::numeric), ('unknown', null), ('down', 90.000), ('degraded', 99.000)
     union all select status, uptime_percent from today $$,
  'summing up changes no day'
);

set local role authenticated;

select is(
  (
    select jsonb_array_length(days) from public.target_panels
    where target = 'api'
  ),
  90, 'a panel has 90 days'
);

select is(
  (
    select days -> 89 from public.target_panels
    where target = 'api'
  ),
  (
    select
      jsonb_build_object(
        'day', (now() at time zone 'UTC')::date, 'status', today.status, 'uptime_percent', today.uptime_percent
      )
    from today
  ),
  'the last day of a panel is today'
);

select is(
  (
    select days #> '{0,status}' from public.target_panels
    where target = 'api'
  ),
  'null'::jsonb, 'a day without checks has no status'
);

select is(
  (
    select response_times_ms from public.target_panels
    where target = 'api'
  ),
  '[10, null, 30, null]'::jsonb, 'response times are those of successful responses'
);

select is(
  (
    select uptime_90d_percent from public.target_panels
    where target = 'api'
  ),
  (select round(100.0 * (2268 + today.seconds) / (2400 + today.seconds), 3) from today),
  'the uptime of 90 days counts time, not days'
);

select is(
  (
    select jsonb_build_array(status, is_maintenance, uptime_90d_percent, response_times_ms)
    from public.target_panels
    where target = 'new'
  ),
  '["pending", false, null, []]'::jsonb, 'a target without checks has a panel'
);

reset role;

select throws_ok(
  $$ insert into monitoring.target_daily_stats (target, day, up, degraded, down, unknown, maintenance, down_seconds)
     values ('x', current_date, 0, 0, 0, 0, 0, 86401) $$,
  '23514', 'new row for relation "target_daily_stats" violates check constraint "seconds_fit_into_the_day"',
  'a day has 86,400 seconds'
);

select * from finish();

rollback;
