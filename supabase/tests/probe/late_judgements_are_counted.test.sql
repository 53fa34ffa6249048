begin;

select plan(6);

delete from monitoring.probes;
delete from public.monitoring_checks;

delete from monitoring.target_hourly_stats;

delete from monitoring.target_daily_stats;

delete from monitoring.target_states;

insert into monitoring.target_states (target, since)
values ('late', now()), ('daily', now());

create temporary table given_checks as
select
  'late' as target,
  not minute.number between 10 and 19 as is_judged,
  date_trunc('hour', now(), 'UTC') - interval '80 hours' + make_interval(mins => minute.number) as scheduled_at,
  1 as interval_minutes
from generate_series(0, 59) as minute (number)
union all
select
  'daily' as target,
  given.is_judged,
  date_trunc('hour', now(), 'UTC') - given.ago as scheduled_at,
  1440 as interval_minutes
from (
  values (true, interval '80 hours'), (false, interval '70 hours 30 minutes')
) as given (is_judged, ago);

insert into public.monitoring_checks (target, target_type, status, scheduled_at, completed_at, interval_minutes)
select
  target,
  'other' as target_type,
  'up' as status,
  scheduled_at,
  now() as completed_at,
  interval_minutes
from given_checks
where is_judged;

insert into monitoring.probes (target, target_type, scheduled_at, interval_minutes)
select
  target,
  'other' as target_type,
  scheduled_at,
  interval_minutes
from given_checks
where not is_judged;

select monitoring.roll_up_checks();

select monitoring.roll_up_days();

create function monitoring.test_days(target text)
returns integer[]
language sql
set search_path = ''
as $$
  select array[sum(target_days.up_seconds), sum(target_days.down_seconds)]::integer[]
  from public.target_days
  where target_days.target = test_days.target
$$;

select is(monitoring.test_days('late'), '{3000,0}', 'a pending check counts for nothing');

with judged as (
  delete from monitoring.probes
  returning *
)

insert into public.monitoring_checks (target, target_type, status, scheduled_at, completed_at, interval_minutes)
select
  target,
  target_type,
  'down' as status,
  scheduled_at,
  now() as completed_at,
  interval_minutes
from judged;

select results_eq(
  $$ select up_seconds, down_seconds, is_final, is_summed_up from public.target_history
     where target = 'late' and checks > 0 $$,
  $$ values (3000, 600, true, false) $$,
  'the hour of a late judgement is shown as it is'
);

select cmp_ok(monitoring.roll_up_checks(), '>=', 26::bigint, 'hours in which a check was pending are counted again');

select is(monitoring.test_days('late'), '{3000,600}', 'and so are their days');

select is(
  monitoring.test_days('daily'), array[9 * 3600 + 1800, 86400],
  'also the hours in which the late check stood later'
);

select is_empty(
  $$ select from monitoring.target_hourly_stats where not is_final $$,
  'once judged, they are final'
);

select * from finish();

rollback;
