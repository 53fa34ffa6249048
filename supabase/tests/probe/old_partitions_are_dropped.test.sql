begin;

select plan(8);

delete from public.monitoring_checks;

delete from monitoring.target_hourly_stats;

update public.system_config
set value = value || '{"monitoring_checks_days": 14}'
where key = 'retention';

select monitoring.make_partition(weeks.since)
from (
  select date_trunc('week', now(), 'UTC') - make_interval(weeks => numbers.number) as since
  from generate_series(1, 4) as numbers (number)
) as weeks
where weeks.since not in (select since from monitoring.list_check_partitions());

insert into public.monitoring_checks (target, target_type, status, scheduled_at, completed_at)
select
  'api' as target,
  'other'::public.target_type as target_type,
  'up'::public.check_status as status,
  date_trunc('week', now(), 'UTC') - make_interval(weeks => weeks.number) as scheduled_at,
  now() as completed_at
from generate_series(0, 4) as weeks (number)
union all
select
  'api' as target,
  'other' as target_type,
  'up' as status,
  '2020-01-01 10:00+00' as scheduled_at,
  now() as completed_at;

create function monitoring.test_weeks()
returns bigint[]
language sql
set search_path = ''
as $$
  select array_agg(
    date_part('day', date_trunc('week', now(), 'UTC') - partitions.since)::bigint / 7 order by partitions.since
  )
  from monitoring.list_check_partitions() as partitions
  where partitions.since < now()
$$;

select is(monitoring.find_check_horizon(), null, 'before the first roll-up every check is needed');

select is(monitoring.drop_old_partitions(), 0::bigint, 'so nothing is dropped');

-- Summed up until 19 days before this week.
insert into monitoring.target_hourly_stats (
  target, hour, checks, up, degraded, down, unknown, maintenance, is_final
)
values
('api', date_trunc('week', now(), 'UTC') - interval '19 days', 1, 1, 0, 0, 0, 0, false),
('api', date_trunc('week', now(), 'UTC') - interval '22 days', 1, 1, 0, 0, 0, 0, false);

select is(monitoring.drop_old_partitions(), 2::bigint, 'a week that is summed up is dropped, and an old row without one');

select is(monitoring.test_weeks(), '{3,2,1,0}', 'one that is not summed up stays, however old');

select results_eq(
  $$ select is_final from monitoring.target_hourly_stats order by hour $$,
  $$ values (true), (false) $$,
  'an hour whose checks are gone is not counted again'
);

select is(monitoring.drop_old_partitions(), 0::bigint, 'a repeat finds nothing');

update monitoring.target_hourly_stats
set hour = date_trunc('hour', now(), 'UTC')
where not is_final;

select is(monitoring.drop_old_partitions(), 1::bigint, 'once it is summed up, it is dropped');

select is(monitoring.test_weeks(), '{2,1,0}', 'a week of which a day is not older than the retention stays');

select * from finish();

rollback;
