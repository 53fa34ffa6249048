begin;

select plan(6);

delete from public.monitoring_checks;

delete from monitoring.target_hourly_stats;

delete from monitoring.target_daily_stats;

delete from monitoring.target_states;

insert into monitoring.target_states (target, since)
values ('clock', now());

create function monitoring.test_checks(since timestamptz, number integer, status text)
returns void
language sql
set search_path = ''
as $$
  insert into public.monitoring_checks (target, target_type, status, scheduled_at, completed_at)
  select
    'clock',
    'other',
    test_checks.status::public.check_status,
    test_checks.since + make_interval(mins => minute.number),
    now()
  from generate_series(0, test_checks.number - 1) as minute (number)
$$;

-- The clock was a day ahead: rounds, hours and days were stored.
select monitoring.test_checks(date_trunc('hour', now(), 'UTC') + interval '1 day', 60, 'down');

insert into monitoring.target_hourly_stats (
  target, hour, checks, up, degraded, down, unknown, maintenance, down_seconds
)
values ('clock', date_trunc('hour', now(), 'UTC') + interval '1 day', 60, 0, 0, 60, 0, 0, 3600);

insert into monitoring.target_daily_stats (target, day, up, degraded, down, unknown, maintenance, down_seconds)
values ('clock', (now() at time zone 'UTC')::date + 1, 0, 0, 60, 0, 0, 3600);

select monitoring.test_checks(date_trunc('hour', now(), 'UTC') - interval '50 hours', 50 * 60, 'up');

select is(
  (
    select array_agg(distinct uptime_percent) from public.target_history
    where checks > 0
  ), array[100.000
  ],
  'hours and checks of the future are not shown'
);

select results_eq(
  $$ select uptime_24h_percent, uptime_7d_percent, uptime_30d_percent from public.target_status $$,
  $$ values (100.000, 100.000, 100.000) $$,
  'and do not count'
);

select is(monitoring.roll_up_checks(), 50::bigint, 'the hours until now are summed up');

select cmp_ok(monitoring.roll_up_days(), '>=', 2::bigint, 'and the days');

select is_empty(
  $$ select from monitoring.target_hourly_stats where hour > now()
     union all
     select from monitoring.target_daily_stats where day > (now() at time zone 'UTC')::date $$,
  'what was stored for the future is deleted'
);

-- The clock was 56 years behind, and an hour was stored then.
delete from public.monitoring_checks;

delete from monitoring.target_hourly_stats;

select monitoring.test_checks('1970-01-01 00:00Z', 60, 'up');

select monitoring.test_checks(date_trunc('hour', now(), 'UTC') - interval '2 hours', 60, 'up');

insert into monitoring.target_hourly_stats (
  target, hour, checks, up, degraded, down, unknown, maintenance, up_seconds
)
values ('clock', '1970-01-01 00:00Z', 60, 60, 0, 0, 0, 0, 3600);

select is(
  monitoring.roll_up_checks(), 744::bigint,
  'after a long time without a roll-up, the hours of the last 31 days are summed up'
);

select * from finish();

rollback;
