begin;

select plan(4);

update public.system_config
set value = '[{"name": "api", "type": "backend", "url": "https://api.example/"}]'
where key = 'health_check_targets';

select is(monitoring.start_round('2020-01-01 10:00+00'), 1, 'a round is sent');

-- No check has this request id yet, so the trigger records nothing.
insert into net._http_response (id, status_code, content, timed_out, created)
values (-42, 204, '', false, clock_timestamp());

update public.monitoring_checks
set request_id = -42
where target = 'api';

select is(monitoring.collect_missed_answers(), 1::bigint, 'the judgement collects the response');

select results_eq(
  $$ select http_status, response_time_ms, answered_at is not null from public.monitoring_checks where target = 'api' $$,
  $$ values (204, null::integer, true) $$,
  'the response time is unknown'
);

select is(monitoring.install_answer_trigger(), true, 'the trigger exists, and installing it again succeeds');

select * from finish();

rollback;
