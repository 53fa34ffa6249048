-- While the hourly job did not run for long, the hours of all targets would be counted in each judgement.
begin;

select plan(7);

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

select ok(monitoring.can_count_figures(300), 'a new installation has nothing to sum up');

insert into monitoring.target_figures
select counted.*
from unnest(monitoring.count_figures(array(select target from monitoring.target_states))) as counted;

update monitoring.target_figures
set hours_until = hours_until - interval '100 hours';

insert into public.monitoring_checks (target, target_type, status, scheduled_at, completed_at)
values ('tap 1', 'other', 'up', now() - interval '100 hours', now());

-- 300 targets in 100 hours.
insert into public.monitoring_checks (target, target_type, status, scheduled_at, completed_at)
select
  'tap ' || number as target,
  'other' as target_type,
  'up' as status,
  now() - interval '1 minute' as scheduled_at,
  now() as completed_at
from generate_series(2, 300) as numbers (number);

select results_eq(
  $$
    select count(*), min(target) filter (where hours_until > now() - interval '99 hours')
    from monitoring.target_figures
    group by hours_until > now() - interval '99 hours'
    order by 1
  $$,
  $$ values (1::bigint, 'tap 1'), (299, null) $$,
  'a judgement counts the hours of a few targets, and not those of many while they are not summed up'
);

select results_eq(
  $$ select known_seconds, last_round_at from monitoring.target_rounds where target = 'tap 2' $$,
  $$ values (0, now() - interval '1 minute') $$,
  'nor the rounds of days: only the latest ones are followed'
);

create function pg_temp.count_scans()
returns numeric
language sql
as $$
  select sum(coalesce(stats.seq_scan, 0) + coalesce(stats.idx_scan, 0))
  from pg_catalog.pg_stat_xact_all_tables as stats
  join pg_catalog.pg_partition_tree('public.monitoring_checks') as leaves on leaves.relid = stats.relid
$$;

create temporary table scanned on commit drop as
select pg_temp.count_scans() as scans;

select monitoring.count_figures(array['tap 2']);

-- 100 hours, in each of some partitions; without an index for one target, 300 times as many.
select cmp_ok(
  pg_temp.count_scans() - (select scans from pg_temp.scanned), '<', 10000::numeric,
  'the hours of one target are counted without those of others'
);

select is(monitoring.store_target_figures(), 0::bigint, 'nor does the job count them');

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
