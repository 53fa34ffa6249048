begin;

select plan(6);

delete from public.monitoring_checks;

delete from monitoring.target_hourly_stats;

insert into monitoring.target_states (target, since)
values ('api', now());

insert into public.monitoring_checks (
  target, target_type, url, status, response_time_ms, scheduled_at, completed_at, is_maintenance
)
select
  'api' as target,
  'backend'::public.target_type as target_type,
  'https://a.example/' as url,
  given.status::public.check_status,
  given.response_time_ms,
  date_trunc('hour', now(), 'UTC') - interval '3 hours' + make_interval(mins => given.minute) as scheduled_at,
  now() as completed_at,
  given.is_maintenance
from (
  values
  (0, 'up', 10, false), (1, 'up', 20, false), (2, 'degraded', 900, false), (3, 'down', 5, false),
  (4, 'unknown', null, false), (5, 'down', null, true)
) as given (minute, status, response_time_ms, is_maintenance);

select is(monitoring.roll_up_checks(), 3::bigint, 'three hours of one target are summed up');

select is(monitoring.roll_up_checks(), 1::bigint, 'the last hour is summed up again');

select results_eq(
  $$ select checks, up, degraded, down, unknown, maintenance, p50_ms, max_ms, uptime_percent
     from public.target_history where target = 'api' and checks > 0 $$,
  $$ values (6, 2, 1, 1, 1, 1, 20, 900, 75.000) $$,
  'the counts of the hour'
);

select is(
  (
    select uptime_24h_percent from public.target_status
    where target = 'api'
  ),
  75.000, 'the counts of the day'
);

select throws_ok(
  $$ insert into monitoring.target_hourly_stats (target, hour, checks, up, degraded, down, unknown, maintenance)
     values ('x', now(), 3, 1, 1, 0, 0, 0) $$,
  '23514', 'new row for relation "target_hourly_stats" violates check constraint "checks_add_up"',
  'inconsistent counts are rejected'
);

select throws_ok(
  $$ insert into monitoring.target_hourly_stats (
       target, hour, checks, up, degraded, down, unknown, maintenance, up_seconds, gap_seconds
     )
     values ('x', now(), 0, 0, 0, 0, 0, 0, 3000, 601) $$,
  '23514', 'new row for relation "target_hourly_stats" violates check constraint "seconds_fit_into_the_hour"',
  'an hour has 3,600 seconds'
);

select * from finish();

rollback;
