begin;

select plan(6);

-- Incidents of other tests are renamed, so that they are neither reused nor counted.
update public.incidents
set fingerprint = id, source = 'another test'
where source = 'health-check';

update public.system_config
set value = '{"attempts": 3, "retry_interval_seconds": 55, "confirm_from_service": false}'
where key = 'health_check_policy';

update public.system_config
set value = '[
  {"name": "a", "type": "backend", "url": "https://a.example/"},
  {"name": "b", "type": "backend", "url": "https://b.example/"},
  {"name": "c", "type": "backend", "url": "https://c.example/"}
]'
where key = 'health_check_targets';

create function monitoring.test_fail(name text, this_attempt integer)
returns text
language sql
set search_path = ''
as $$
  insert into monitoring.probes as known (
    target, target_type, scheduled_at, sent_at, request_id, answered_at, error, attempt, retry_until
  )
  values (
    test_fail.name, 'backend', '2020-01-01 10:00+00', now(), -1, now(), 'x', test_fail.this_attempt,
    now() + interval '54 seconds'
  )
  on conflict (target, scheduled_at) do update
    set
      send_at = null, request_id = -1, answered_at = now(), error = 'x', attempt = test_fail.this_attempt,
      retry_until = excluded.retry_until;
  select monitoring.judge_health_checks();
  select string_agg(format('%s %s', target, status), ', ' order by target)
  from monitoring.all_checks
  where scheduled_at = '2020-01-01 10:00+00';
$$;

select is(monitoring.test_fail('b', 1), 'b pending', 'it fails, and is tried again');

select is(monitoring.test_fail('a', 3), 'a pending, b pending', 'another one fails for good: the first may answer yet');

select is(
  monitoring.test_fail('b', 2), 'a pending, b pending',
  'also in the judgement in which its second attempt fails and a third one follows'
);

select is(monitoring.test_fail('b', 3), 'a unknown, b unknown', 'after the last attempt both are unknown');

select is(
  monitoring.test_fail('c', 3), 'a unknown, b unknown, c unknown', 'and so is one that is decided after them'
);

select results_eq(
  $$ select fingerprint from public.incidents where source = 'health-check' $$,
  $$ values ('health-check:connectivity') $$,
  'it is one incident'
);

select * from finish();

rollback;
