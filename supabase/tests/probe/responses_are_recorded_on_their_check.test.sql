begin;

select plan(8);

update public.system_config
set value = '[{"name": "api", "type": "backend", "url": "https://api.example/", "body_contains": "healthy"}]'
where key = 'health_check_targets';

select is(monitoring.start_round('2020-01-01 10:00+00'), 1, 'a round is sent');

create temporary table sent as
select probes.request_id
from monitoring.probes
where probes.target = 'api';

insert into net._http_response (id, status_code, headers, content_type, content, timed_out, created)
select
  sent.request_id,
  503 as status_code,
  '{"Server": "nginx", "X-Other": "1", "Retry-After": "5", "Content-Type": "text/html"}'::jsonb as headers,
  'text/plain' as content_type,
  'healthy? no. password=hunter2hunter2 ' || repeat('x', 5000) as content,
  false as timed_out,
  clock_timestamp() as created
from sent;

select results_eq(
  $$ select http_status, response_time_ms < 1000, response_time_error_ms, unmet_condition,
       answered_at is not null
     from monitoring.probes where target = 'api' $$,
  $$ values (503, true, 0, 'responded with 503, expected 200-399', true) $$,
  'status, response time and the condition that is not met are recorded'
);

select is(
  (
    select answer_headers from monitoring.probes
    where target = 'api'
  ),
  '{"server": "nginx", "retry-after": "5", "content-type": "text/plain"}'::jsonb,
  'some headers are stored, and the content type of the last response'
);

select ok(
  (
    select octet_length(answer_excerpt) between 900 and 1024 from monitoring.probes
    where target = 'api'
  ),
  'at most 1 kB of the body is stored'
);

select unalike(
  (
    select answer_excerpt from monitoring.probes
    where target = 'api'
  ),
  '%hunter2%', 'secrets in the body are redacted'
);

select is_empty(
  $$ select from net._http_response join sent on request_id = id $$, 'what was recorded is not stored a second time'
);

select is_empty(
  $$ select from monitoring.awaited_checks join sent using (request_id) $$, 'the answer is awaited no longer'
);

insert into net._http_response (id, status_code, timed_out)
values (-1, 418, false);

select isnt_empty(
  $$ select from net._http_response where id = -1 and status_code = 418 $$, 'responses of others are stored as ever'
);

select * from finish();

rollback;
