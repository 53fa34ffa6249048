begin;

select plan(8);

insert into monitoring.target_states (target, status, since)
values ('shop', 'up', now());

insert into monitoring.target_hourly_stats (
  target, hour, checks, up, degraded, down, unknown, maintenance, up_seconds, down_seconds
)
values ('shop', date_trunc('hour', now(), 'UTC') - interval '1 hour', 60, 57, 0, 3, 0, 0, 3420, 180);

select monitoring.store_target_figures();

set local role authenticated;

select results_eq(
  $$ select status::text, uptime_24h_percent from public.target_status where target = 'shop' $$,
  $$ values ('up', 95.000) $$,
  'agents read the state of targets'
);

select results_eq(
  $$ select checks, uptime_percent from public.target_history where target = 'shop' and is_summed_up $$,
  $$ values (60, 95.000) $$,
  'agents read the hours of targets'
);

select throws_ok(
  $$ select from monitoring.probe_targets $$,
  '42501', null,
  'but not what is asked of it'
);

select throws_ok(
  $$ select public.start_health_check_round() $$,
  '42501', null,
  'agents start no round'
);

select throws_ok(
  $$ select public.write_service_targets('https://example.com') $$,
  '42501', null,
  'and write no targets'
);

set local role service_role;

select lives_ok($$ select public.start_health_check_round() $$, 'the service starts rounds');

select lives_ok($$ select public.write_service_targets() $$, 'the service writes its targets');

select throws_ok(
  $$ update public.system_config set value = '[]' where key = 'health_check_targets' $$,
  '42501', null,
  'and nothing else of the configuration'
);

select * from finish();

rollback;
