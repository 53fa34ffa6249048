begin;

select plan(3);

-- Incidents of other tests are renamed, so that they are neither reused nor counted.
update public.incidents
set fingerprint = id, source = 'another test'
where source = 'health-check';

update public.system_config
set value = '{"attempts": 1, "maintenance_windows": [{"starts_at": "2000-01-01T00:00", "ends_at": "2999-01-01T00:00"}]}'
where key = 'health_check_policy';

update public.system_config
set value = '[{"name": "a", "type": "backend", "url": "https://a.example/"}]'
where key = 'health_check_targets';

select monitoring.start_round('2020-01-01 10:00+00');

select monitoring.store_answer(request_id, 500, '{}', null, false, null, clock_timestamp(), 5)
from public.monitoring_checks;

select is(monitoring.judge_health_checks(), 0, 'the round is judged');

select results_eq(
  $$ select status::text, is_maintenance, incident_id from public.monitoring_checks $$,
  $$ values ('down', true, null::text) $$,
  'the result is recorded'
);

select is_empty($$ select from public.incidents where source = 'health-check' $$, 'no incident opens');

select * from finish();

rollback;
