begin;

select plan(3);

update public.system_config
set value = '{"attempts": 1, "confirm_from_service": false}'
where key = 'health_check_policy';

update public.system_config
set value = '[
  {"name": "degraded", "type": "other", "url": "https://a.example/", "max_response_ms": 10},
  {"name": "refused", "type": "other", "url": "https://a.example/"},
  {"name": "silent", "type": "other", "url": "https://a.example/"},
  {"name": "text", "type": "other", "url": "https://a.example/", "body_contains": "healthy"},
  {"name": "timed out", "type": "other", "url": "https://a.example/", "timeout_ms": 300},
  {"name": "up", "type": "other", "url": "https://a.example/"},
  {"name": "wrong", "type": "other", "url": "https://a.example/", "expected_status": [204, "300-301"]}
]'
where key = 'health_check_targets';

select is(monitoring.start_round('2020-01-01 10:00+00'), 7, 'a round is sent');

select
  monitoring.store_answer(
    probes.request_id, answers.status_code, '{}', 'ok', answers.has_timed_out, answers.error_msg,
    clock_timestamp(), answers.response_time_ms
  )
from (
  values
  ('degraded', 200, false, null, 11),
  ('refused', null, false, 'Could not connect', null),
  ('text', 200, false, null, 5),
  ('timed out', null, true, 'Timeout was reached', null),
  ('up', 399, false, null, 5),
  ('wrong', 200, false, null, 5)
) as answers (target, status_code, has_timed_out, error_msg, response_time_ms)
inner join monitoring.probes on answers.target = probes.target;

update monitoring.probes
set answer_due_at = now()
where target = 'silent';

select is(monitoring.judge_health_checks(), 0, 'the round is judged');

select results_eq(
  $$ select target, status::text, error from public.monitoring_checks
     where scheduled_at = '2020-01-01 10:00+00' order by target $$,
  $$ values
     ('degraded', 'degraded', 'responded in 11 ms, expected at most 10 ms'),
     ('refused', 'down', 'Could not connect'),
     ('silent', 'unknown', 'no response from pg_net, so the state of the target is unknown'),
     ('text', 'down', 'the body does not contain "healthy"'),
     ('timed out', 'down', 'timed out after 300 ms'),
     ('up', 'up', null),
     ('wrong', 'down', 'responded with 200, expected 204, 300-301') $$,
  'each check has its status and its reason'
);

select * from finish();

rollback;
