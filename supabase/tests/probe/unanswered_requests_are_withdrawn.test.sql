begin;

select plan(7);

update public.system_config
set value = '{"attempts": 1}'
where key = 'health_check_policy';

update public.system_config
set value = '[
  {"name": "a", "type": "other", "url": "https://a.example/"},
  {"name": "b", "type": "other", "url": "https://b.example/"},
  {"name": "c", "type": "other", "url": "https://c.example/"}
]'
where key = 'health_check_targets';

select is(monitoring.start_round('2020-01-01 10:00+00'), 3, 'a round is sent');

select is(monitoring.withdraw_unanswered_requests(), 0, 'requests that are not overdue stay');

select net.http_get('https://neighbor.example/');

update monitoring.probes
set answer_due_at = clock_timestamp()
where target = 'a';

delete from monitoring.probes
where target = 'b';

select is(monitoring.withdraw_unanswered_requests(), 2, 'overdue requests are withdrawn, and those whose check is gone');

select results_eq(
  $$ select queue.url from net.http_request_queue as queue where queue.url like 'https://_.example/' $$,
  $$ values ('https://c.example/') $$,
  'the request that is awaited stays in the queue'
);

select is(
  (
    select count(*) from net.http_request_queue as queue
    where queue.url = 'https://neighbor.example/'
  ),
  1::bigint, 'and so do those of others'
);

select is(
  (select count(*) from monitoring.awaited_checks), 1::bigint, 'a later answer counts for nothing'
);

select is_empty(
  $$ select suspected_targets.target from monitoring.suspected_targets $$,
  'nobody is suspected while the worker did not restart'
);

select * from finish();

rollback;
