begin;

select plan(5);

update public.system_config
set value = '[{"name": "api", "type": "backend", "url": "https://api.example/", "body_contains": "healthy"}]'
where key = 'health_check_targets';

select is(monitoring.start_round('2020-01-01 10:00+00'), 1, 'a round is sent');

insert into net._http_response (id, status_code, headers, content, timed_out, created)
select
  request_id,
  503 as status_code,
  '{"Server": "nginx", "X-Other": "1", "Retry-After": "5"}'::jsonb as headers,
  'healthy? no. password=hunter2hunter2 ' || repeat('x', 5000) as content,
  false as timed_out,
  clock_timestamp() as created
from public.monitoring_checks
where target = 'api';

select results_eq(
  $$ select status::text, http_status, response_time_ms < 1000, unmet_condition, answered_at is not null
     from public.monitoring_checks where target = 'api' $$,
  $$ values ('pending', 503, true, 'responded with 503, expected 200-399', true) $$,
  'status, response time and expected text are recorded, and the check is still pending'
);

select is(
  (
    select answer_headers from public.monitoring_checks
    where target = 'api'
  ),
  '{"server": "nginx", "retry-after": "5"}'::jsonb,
  'some headers are stored'
);

select ok(
  (
    select octet_length(answer_excerpt) between 900 and 1024 from public.monitoring_checks
    where target = 'api'
  ),
  'at most 1 kB of the body is stored'
);

select unalike(
  (
    select answer_excerpt from public.monitoring_checks
    where target = 'api'
  ),
  '%hunter2%', 'secrets in the body are redacted'
);

select * from finish();

rollback;
