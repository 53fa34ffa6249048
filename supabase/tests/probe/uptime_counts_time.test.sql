begin;

select plan(7);

delete from monitoring.probes;
delete from public.monitoring_checks;

delete from monitoring.target_hourly_stats;

delete from monitoring.target_daily_stats;

delete from monitoring.target_states;

insert into monitoring.target_states (target, since)
select
  unnest('{example,interval,retried,overlap,aside,heartbeat}'::text[]) as target,
  now() as since;

-- Minutes since the beginning of the hour that was 24 hours ago.
create function monitoring.test_checks(target text, minutes integer[], status text, minutes_apart integer)
returns void
language sql
set search_path = ''
as $$
  insert into public.monitoring_checks (target, target_type, status, scheduled_at, completed_at, interval_minutes)
  select
    test_checks.target,
    'other',
    test_checks.status::public.check_status,
    date_trunc('hour', now(), 'UTC') - interval '24 hours' + make_interval(mins => minute.number),
    now(),
    test_checks.minutes_apart
  from unnest(test_checks.minutes) as minute (number)
  on conflict on constraint one_check_a_target_and_round do update
    set status = excluded.status
$$;

create function monitoring.test_seconds(target text)
returns table (hour bigint, seconds integer[])
language sql
set search_path = ''
as $$
  select
    date_part('epoch', target_history.hour - (date_trunc('hour', now(), 'UTC') - interval '24 hours'))::bigint / 3600,
    array[
      target_history.up_seconds, target_history.degraded_seconds, target_history.down_seconds,
      target_history.unknown_seconds, target_history.maintenance_seconds, target_history.gap_seconds
    ]
  from public.target_history
  where target_history.target = test_seconds.target
  order by 1
$$;

-- An hour down at one-minute checks, then 22 hours up at hourly ones.
select monitoring.test_checks('example', array(select generate_series(0, 59)), 'down', 1);

select monitoring.test_checks('example', array(select generate_series(60, 1320, 60)), 'up', 60);

select is(
  (
    select uptime_30d_percent from public.target_status
    where target = 'example'
  ),
  95.652, 'an hour down and 22 hours up are 95.652 %, whatever the intervals'
);

-- From 5 minutes to 1 minute and to 90 minutes: the last check of the old interval stands for the old one.
select monitoring.test_checks('interval', '{0,5}', 'up', 5);

select monitoring.test_checks('interval', '{7}', 'down', 1);

select monitoring.test_checks('interval', '{20}', 'degraded', 90);

select results_eq(
  $$ select * from monitoring.test_seconds('interval') where hour < 2 $$,
  $$ values (0::bigint, '{420,2400,60,0,0,720}'::integer[]), (1, '{0,3000,0,0,0,600}') $$,
  'a check stands until the next one, at most for its own interval, also across the end of an hour'
);

-- An unknown round of a 5-minute target is followed by one a minute later.
select monitoring.test_checks('retried', '{0,10}', 'up', 5);

select monitoring.test_checks('retried', '{5,6}', 'unknown', 5);

select monitoring.test_checks('retried', '{7}', 'down', 5);

select results_eq(
  $$ select * from monitoring.test_seconds('retried') where hour = 0 $$,
  $$ values (0::bigint, '{600,0,180,120,0,2700}'::integer[]) $$,
  'a round after an unknown one ends the unknown time'
);

-- A daily check, and others while it stands.
select monitoring.test_checks('overlap', '{30}', 'up', 1440);

select monitoring.test_checks('overlap', '{120}', 'down', 30);

select monitoring.test_checks('overlap', '{130}', 'up', 1440);

select results_eq(
  $$ select * from monitoring.test_seconds('overlap') where hour in (0, 1, 2, 23) $$,
  $$ values (0::bigint, '{1800,0,0,0,0,0}'::integer[]), (1, '{3600,0,0,0,0,0}'), (2, '{3000,0,600,0,0,0}'),
     (23, '{3600,0,0,0,0,0}') $$,
  'only the newest check stands, for hours if need be'
);

select monitoring.test_checks('aside', array(select generate_series(0, 9)), 'up', 1);

select monitoring.test_checks('aside', array(select generate_series(10, 19)), 'down', 1);

select monitoring.test_checks('aside', '{2,3,4}', 'unknown', 1);

select monitoring.test_checks('aside', '{5}', 'disputed', 1);

update public.monitoring_checks
set is_maintenance = true
where target = 'aside' and extract(minute from scheduled_at) between 11 and 15;

insert into monitoring.probes (target, target_type, scheduled_at)
values ('aside', 'other', date_trunc('hour', now(), 'UTC') - interval '23 hours 30 minutes');

select results_eq(
  $$ select * from monitoring.test_seconds('aside') where hour = 0 $$,
  $$ values (0::bigint, '{360,0,300,240,300,2340}'::integer[]) $$,
  'unknown, disputed and maintenance are neither up nor down, and a pending check is nothing yet, but no gap'
);

select results_eq(
  $$ select checks, up, down, unknown, maintenance, uptime_percent from public.target_history
     where target = 'aside' and checks > 0 $$,
  $$ values (20, 6, 5, 4, 5, 54.545) $$,
  'rounds are counted too'
);

select monitoring.test_checks('heartbeat', array(select generate_series(0, 119)), 'up', 1);

update public.monitoring_checks
set status = 'down', target_type = 'heartbeat'
where target = 'heartbeat' and scheduled_at >= date_trunc('hour', now(), 'UTC') - interval '22 hours 6 minutes';

select results_eq(
  $$ select * from monitoring.test_seconds('heartbeat') where hour < 3 $$,
  $$ values (0::bigint, '{3600,0,0,0,0,0}'::integer[]), (1, '{3240,0,360,0,0,0}'), (2, '{0,0,0,0,0,3600}') $$,
  'a heartbeat has one check a minute'
);

select * from finish();

rollback;
