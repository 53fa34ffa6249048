begin;

select plan(3);

delete from public.monitoring_checks;

delete from monitoring.target_hourly_stats;

delete from monitoring.target_daily_stats;

insert into public.monitoring_checks (target, target_type, url, status, scheduled_at, completed_at)
values
('api', 'backend', 'https://a.example/', 'up', now() - interval '91 days', now()),
('api', 'backend', 'https://a.example/', 'up', now() - interval '89 days', now());

select monitoring.roll_up_checks();

select monitoring.drop_old_partitions();

select is(
  (select sum(checks) from monitoring.target_hourly_stats), 2::bigint, 'checks are summed up before they are purged'
);

select ok((select count(*) from public.monitoring_checks) >= 1, 'newer checks stay');

update monitoring.target_hourly_stats
set is_final = false;

update public.system_config
set value = value || '{"monitoring_checks_days": 1}'
where key = 'retention';

insert into public.monitoring_checks (target, target_type, status, scheduled_at, completed_at, interval_minutes)
values
('daily', 'other', 'up', date_trunc('hour', now(), 'UTC') - interval '49 hours', now(), 1440),
('daily', 'other', 'up', date_trunc('hour', now(), 'UTC') - interval '25 hours', now(), 1440);

insert into monitoring.target_states (target, since)
values ('daily', now());

select monitoring.roll_up_checks();

select monitoring.drop_old_partitions();

select monitoring.roll_up_checks();

select results_eq(
  $$ select count(*), sum(up_seconds), sum(gap_seconds) from public.target_history
     where target = 'daily' and hour < date_trunc('hour', now(), 'UTC') $$,
  $$ values (49::bigint, 48 * 3600::bigint, 3600::bigint) $$,
  'a check that still stands is kept until its hours are summed up, and no hour is counted again without its checks'
);

select * from finish();

rollback;
