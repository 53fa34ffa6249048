begin;

select plan(8);

delete from monitoring.probes;
delete from public.monitoring_checks;

delete from monitoring.target_hourly_stats;

delete from monitoring.target_daily_stats;

delete from monitoring.target_states;

insert into monitoring.target_states (target, since)
select
  unnest('{new,outage,daily,never,waiting}'::text[]) as target,
  now() as since;

create function monitoring.test_checks(target text, hours_ago numeric, number integer, interval_minutes integer)
returns void
language sql
set search_path = ''
as $$
  insert into public.monitoring_checks (target, target_type, status, scheduled_at, completed_at, interval_minutes)
  select
    test_checks.target,
    'other',
    'up',
    date_trunc('hour', now(), 'UTC') - interval '1 hour' * test_checks.hours_ago
      + make_interval(mins => place.number * test_checks.interval_minutes),
    now(),
    test_checks.interval_minutes
  from generate_series(0, test_checks.number - 1) as place (number)
$$;

create function monitoring.test_hours(target text)
returns table (hours_ago integer, checks integer, up_seconds integer, gap_seconds integer)
language sql
set search_path = ''
as $$
  select
    date_part('epoch', date_trunc('hour', now(), 'UTC') - target_history.hour)::integer / 3600,
    target_history.checks, target_history.up_seconds, target_history.gap_seconds
  from public.target_history
  where target_history.target = test_hours.target
    and target_history.hour < date_trunc('hour', now(), 'UTC')
  order by 1 desc
$$;

select monitoring.test_checks('new', 2.5, 20, 1);

-- The database was down for four days.
select monitoring.test_checks('outage', 100, 90, 1);

select monitoring.test_checks('outage', 2, 120, 1);

select monitoring.test_checks('daily', 50.5, 2, 1440);

select monitoring.test_checks('removed', 3.5, 10, 1);

select monitoring.test_checks('removed', 1.5, 10, 1);

insert into monitoring.probes (target, target_type, scheduled_at)
values ('waiting', 'other', date_trunc('hour', now(), 'UTC') - interval '1 hour');

select results_eq(
  $$ select * from monitoring.test_hours('new') $$,
  $$ values (3, 20, 1200, 600), (2, 0, 0, 3600), (1, 0, 0, 3600) $$,
  'before its first check a target did not exist; afterwards, what no check covers is a gap'
);

select results_eq(
  $$ select * from monitoring.test_hours('outage') where hours_ago in (100, 99, 98, 3, 2) $$,
  $$ values (100, 60, 3600, 0), (99, 30, 1800, 1800), (98, 0, 0, 3600), (3, 0, 0, 3600), (2, 60, 3600, 0) $$,
  'hours without any check are gaps'
);

select results_eq(
  $$ select sum(up_seconds), sum(gap_seconds) from monitoring.test_hours('daily') where hours_ago <= 50 $$,
  $$ values (171000::bigint, 9000::bigint) $$,
  'a daily check has no gap'
);

select results_eq(
  $$ select * from monitoring.test_hours('removed') $$,
  $$ values (4, 10, 600, 0), (2, 10, 600, 0) $$,
  'a target that was removed has no gap after its last check'
);

select is_empty(
  $$ select * from monitoring.test_hours('never') $$,
  'a target that was never checked has no hours'
);

select is(
  (
    select up_seconds + gap_seconds from public.target_history
    where target = 'outage' and hour = date_trunc('hour', now(), 'UTC')
  ),
  floor(extract(epoch from now() - date_trunc('hour', now(), 'UTC')))::integer,
  'the time after now is no gap'
);

select results_eq(
  $$ select status, uptime_percent, gap_seconds from public.target_days
     where target = 'outage' and day = (now() at time zone 'UTC')::date - 2 $$,
  $$ values ('unknown'::public.check_status, null::numeric, 86400::bigint) $$,
  'a day without any check is unknown'
);

select results_eq(
  $$ select target, gap_seconds from monitoring.test_hours('waiting')
     cross join (values ('waiting')) as given (target) $$,
  $$ values ('waiting', 3540) $$,
  'a check that is not judged is no gap while it stands'
);

select * from finish();

rollback;
