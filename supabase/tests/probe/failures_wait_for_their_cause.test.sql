begin;

select plan(5);

update public.system_config
set value = '{"attempts": 1}'
where key = 'health_check_policy';

update public.system_config
set value = '[
  {"name": "api", "type": "backend", "url": "https://a.example/"},
  {"name": "page", "type": "frontend", "url": "https://a.example/", "depends_on": "api"},
  {"name": "refused", "type": "other", "url": "https://a.example/"}
]'
where key = 'health_check_targets';

select is(monitoring.start_round('2020-01-01 10:00+00'), 3, 'a round is sent');

select monitoring.store_answer(request_id, null, '{}', null, false, 'refused', clock_timestamp(), null)
from public.monitoring_checks
where target = 'refused';

select is(monitoring.judge_health_checks(), 3, 'without any HTTP response the cause may be our own connection');

select monitoring.store_answer(request_id, 502, '{}', null, false, null, clock_timestamp(), 5)
from public.monitoring_checks
where target = 'page';

select is(monitoring.judge_health_checks(), 2, 'a failed page waits for the API that it depends on');

select monitoring.store_answer(request_id, 500, '{}', null, false, null, clock_timestamp(), 5)
from public.monitoring_checks
where target = 'api';

select is(monitoring.judge_health_checks(), 0, 'the API failed too');

select results_eq(
  $$ select checks.target, incidents.fingerprint
     from public.monitoring_checks as checks join public.incidents on incidents.id = checks.incident_id
     order by checks.target $$,
  $$ values
     ('api', 'health-check:target:api'),
     ('page', 'health-check:target:api'),
     ('refused', 'health-check:target:refused') $$,
  'the page belongs to the incident of the API'
);

select * from finish();

rollback;
