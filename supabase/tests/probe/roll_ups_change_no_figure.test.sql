begin;

select plan(8);

delete from public.monitoring_checks;

delete from monitoring.target_hourly_stats;

delete from monitoring.target_daily_stats;

delete from monitoring.target_states;

-- Every kind of target: checked each minute, every 7 minutes, hourly, daily, new, silent for days or
-- months, and removed once or twice.
insert into monitoring.target_states (target, since)
select
  'target ' || number as target,
  now() as since
from unnest('{1,2,3,4,5,6,9}'::integer[]) as targets (number);

select setseed(0.17);

create temporary table given_checks as
select
  'target ' || given.number as target,
  'other'::public.target_type as target_type,
  case when random() < 0.02 then 'pending' else (array['up', 'down', 'degraded', 'unknown', 'disputed', 'up'])[
    ceil(random() * 6)
  ] end::public.check_status as status,
  minutes.minute as scheduled_at,
  now() as completed_at,
  given.minutes as interval_minutes,
  random() < 0.1 as is_maintenance,
  (random() * 1000)::integer as response_time_ms
from (
  values
  (1, 1, 30, 0), (2, 7, 75, 0), (3, 60, 75, 0), (4, 1440, 100, 0), (5, 1, 2, 0), (6, 1, 60, 55), (7, 5, 80, 40),
  (8, 5, 90, 88), (8, 5, 30, 28), (9, 60, 3000, 2990)
) as given (number, minutes, hours_ago, until_hours_ago)
cross join
  lateral generate_series(
    date_trunc('minute', now()) - interval '1 hour' * given.hours_ago,
    date_trunc('minute', now()) - interval '1 hour' * given.until_hours_ago,
    interval '1 minute' * given.minutes
  ) as minutes (minute)
where random() < 0.95;

insert into public.monitoring_checks (
  target, target_type, status, scheduled_at, completed_at, interval_minutes, is_maintenance, response_time_ms
)
select * from given_checks
where status <> 'pending';

insert into monitoring.probes (target, target_type, scheduled_at, interval_minutes, is_maintenance, response_time_ms)
select
  target,
  target_type,
  scheduled_at,
  interval_minutes,
  is_maintenance,
  response_time_ms
from given_checks
where status = 'pending';

create temporary table hours_before as
select * from public.target_history;

create temporary table days_before as
select * from public.target_days;

create temporary table panels_before as
select * from public.target_panels;

create temporary table states_before as
select * from public.target_status;

create temporary table export_before as
select * from public.export_uptime(now() - interval '10 days');

select cmp_ok(monitoring.roll_up_checks(), '>', 900::bigint, 'hours are stored');

select cmp_ok(monitoring.roll_up_days(), '>', 10::bigint, 'days are stored');

select results_eq(
  $$ select target, hour, checks, up, degraded, down, unknown, maintenance, p50_ms, p95_ms, max_ms, uptime_percent,
       up_seconds, degraded_seconds, down_seconds, unknown_seconds, maintenance_seconds, gap_seconds, is_final
     from public.target_history order by target, hour $$,
  $$ select target, hour, checks, up, degraded, down, unknown, maintenance, p50_ms, p95_ms, max_ms, uptime_percent,
       up_seconds, degraded_seconds, down_seconds, unknown_seconds, maintenance_seconds, gap_seconds, is_final
     from hours_before order by target, hour $$,
  'hours are the same before and after the roll-up'
);

select results_eq(
  'select * from public.target_days order by target, day', 'select * from days_before order by target, day',
  'days are the same'
);

select results_eq(
  'select * from public.target_panels order by target', 'select * from panels_before order by target',
  'panels are the same'
);

select results_eq(
  'select * from public.target_status order by target', 'select * from states_before order by target',
  'states are the same'
);

select results_eq(
  $$ select * from public.export_uptime(now() - interval '10 days') $$, 'select * from export_before',
  'the export is the same'
);

select is_empty(
  $$ select from public.target_status join public.target_panels using (target)
     where target_status.uptime_24h_percent is distinct from target_panels.uptime_24h_percent $$,
  'a panel has the uptime of the state'
);

select * from finish();

rollback;
