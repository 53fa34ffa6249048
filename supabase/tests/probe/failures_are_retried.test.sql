begin;

select plan(8);

-- Incidents of other tests are renamed, so that they are neither reused nor counted.
update public.incidents
set fingerprint = id, source = 'another test'
where source = 'health-check';

update public.system_config
set value = '{"attempts": 3, "retry_interval_seconds": 15}'
where key = 'health_check_policy';

update public.system_config
set value = '[
  {"name": "api", "type": "other", "url": "https://a.example/"},
  {"name": "fast", "type": "other", "url": "https://a.example/", "retry_interval_seconds": 0}
]'
where key = 'health_check_targets';

insert into monitoring.probes (
  target, target_type, scheduled_at, sent_at, request_id, answer_due_at, answered_at, http_status, unmet_condition, retry_until
)
values
(
  'api', 'other', '2020-01-01 10:00+00', now() - interval '1 second', -1, now() + interval '1 hour', now(), 500,
  'responded with an error', now() + interval '54 seconds'
),
(
  'fast', 'other', '2020-01-01 10:00+00', now() - interval '1 second', -1, now() + interval '1 hour', now(), 500,
  'responded with an error', now() + interval '54 seconds'
);

select is(
  monitoring.plan_attempts(array(select verdict from monitoring.judge_answers() as verdict)),
  2::bigint, 'failures are tried again'
);

select results_eq(
  $$ select target, attempt::integer, error_count, request_id, answered_at, error,
       case target when 'api' then send_at = now() + interval '14 seconds' else send_at <= clock_timestamp() end
     from monitoring.probes order by target $$,
  $$ values
     ('api', 2, 1, null::bigint, null::timestamptz, 'responded with an error', true),
     ('fast', 2, 1, null, null, 'responded with an error', true) $$,
  'the interval after the attempt before, each target by its own'
);

select is_empty($$ select from monitoring.judge_answers() $$, 'what waits to be sent is not judged');

create function monitoring.test_attempt(status_code integer)
returns text
language sql
set search_path = ''
as $$
  update monitoring.probes
  set
    send_at = null, request_id = -1, sent_at = now(), http_status = status_code, unmet_condition = 'bad',
    answered_at = case when status_code is not null then now() end, answer_due_at = now();
  select monitoring.plan_attempts(array(select verdict from monitoring.judge_answers() as verdict));
  select string_agg(format('%s %s', attempt, error_count), ', ')
  from monitoring.probes;
$$;

select is(monitoring.test_attempt(null), '3 2, 3 2', 'a request without a response is repeated too');

select is_empty($$ select from monitoring.judge_answers() $$, 'which waits to be sent');

select is(monitoring.test_attempt(500), '3 2, 3 2', 'there is no fourth attempt');

update monitoring.probes
set attempt = 1, sent_at = now(), retry_until = now() + interval '10 seconds';

select is(
  monitoring.plan_attempts(array(select verdict from monitoring.judge_answers() as verdict)),
  2::bigint, 'when the interval is longer than what is left of the minute'
);

select is(
  (
    select max(send_at - now()) from monitoring.probes
  ),
  interval '10 seconds', 'its last moment is used'
);

select * from finish();

rollback;
