begin;

select plan(3);

-- Incidents of other tests are renamed, so that they are neither reused nor counted.
update public.incidents
set fingerprint = id, source = 'another test'
where source = 'health-check';

update public.system_config
set value = '{"attempts": 1}'
where key = 'health_check_policy';

update public.system_config
set value = '[
  {"name": "a", "type": "backend", "url": "https://a.example/"},
  {"name": "b", "type": "database", "url": "https://b.example/", "depends_on": "a"}
]'
where key = 'health_check_targets';

select monitoring.start_round('2020-01-01 10:00+00');

select monitoring.store_answer(request_id, null, '{}', null, false, 'no route', clock_timestamp(), null)
from public.monitoring_checks;

select is(monitoring.judge_health_checks(), 0, 'the round is judged');

select results_eq(
  $$ select fingerprint, severity::text, category::text, occurrence_count::integer
     from public.incidents where source = 'health-check' $$,
  $$ values ('health-check:connectivity', 'HIGH', 'infrastructure', 1) $$,
  'the failures open one incident'
);

select is(
  monitoring.resolve_incidents(array['health-check:connectivity'], 'test', 'ann', 'done'),
  1::bigint,
  'the incident can be resolved'
);

select * from finish();

rollback;
