-- While the hourly job did not run for long, the hours of all targets would be counted in each judgement.
begin;

select plan(6);

delete from monitoring.probes;

delete from public.monitoring_checks;

delete from monitoring.target_hourly_stats;

delete from monitoring.target_daily_stats;

delete from monitoring.target_states;

insert into monitoring.target_states (target, status, since)
select
  'tap ' || number as target,
  'up' as status,
  now() as since
from generate_series(1, 300) as numbers (number);

select ok(monitoring.can_count_figures(), 'a new installation has nothing to sum up');

insert into monitoring.target_figures
select counted.*
from unnest(monitoring.count_figures(array['tap 2'])) as counted;

update monitoring.target_figures
set hours_until = hours_until - interval '100 hours';

-- 300 targets in 100 hours.
insert into public.monitoring_checks (target, target_type, status, scheduled_at, completed_at)
select
  'tap 1' as target,
  'other' as target_type,
  'up' as status,
  now() - make_interval(hours => given.hours_ago) as scheduled_at,
  now() as completed_at
from (values (100), (0)) as given (hours_ago);

insert into public.monitoring_checks (target, target_type, status, scheduled_at, completed_at)
select
  'tap 2' as target,
  'other' as target_type,
  'up' as status,
  now() - make_interval(hours => given.hours_ago) as scheduled_at,
  now() as completed_at
from generate_series(1, 99) as given (hours_ago);

select results_eq(
  $$ select target, hours_until < now() - interval '99 hours' from monitoring.target_figures $$,
  $$ values ('tap 2', true) $$,
  'a judgement does not count hours while many are not summed up'
);

select results_eq(
  $$ select known_seconds, last_round_at from monitoring.target_rounds where target = 'tap 2' $$,
  $$ values (0, now() - interval '1 hour') $$,
  'nor the rounds of days: only the latest ones are followed'
);

select is(monitoring.store_target_figures(), 0::bigint, 'nor does the job');

insert into monitoring.target_hourly_stats (
  target, hour, checks, up, degraded, down, unknown, maintenance, up_seconds
)
values ('tap 2', date_trunc('hour', now(), 'UTC') - interval '1 hour', 60, 60, 0, 0, 0, 0, 3600);

select is(monitoring.store_target_figures(), 300::bigint, 'it does when they are summed up');

select results_eq(
  $$
    select hours_until = date_trunc('hour', now(), 'UTC'), known_7d
    from monitoring.target_figures
    where target = 'tap 2'
  $$,
  $$ values (true, 3600) $$,
  'and then the figures have them'
);

select * from finish();
rollback;
