begin;

select plan(8);

update public.system_config
set value = '[
  {"name": "killer", "type": "backend", "url": "https://killer.example/", "severity": "MEDIUM"},
  {"name": "neighbor", "type": "other", "url": "https://neighbor.example/"}
]'
where key = 'health_check_targets';

-- The killer is alone in flight, and the worker restarts twice.
create function monitoring.test_kill(is_first_in_queue boolean)
returns text
language sql
set search_path = ''
as $$
  delete from net.http_request_queue;
  delete from monitoring.awaited_checks;
  delete from monitoring.probes where target = 'killer';
  insert into monitoring.probes (target, target_type, scheduled_at, sent_at, request_id, answer_due_at)
  values ('killer', 'backend', '2020-01-01 10:00+00', clock_timestamp(), 1000000, clock_timestamp());
  insert into monitoring.awaited_checks (request_id, check_id, group_size, worker_pid, worker_restarts)
  select 1000000, id, 1, monitoring.find_worker_pid(), 2
  from monitoring.probes
  where request_id = 1000000;
  insert into net.http_request_queue (id, method, url, headers, timeout_milliseconds)
  select 7, 'GET', 'https://foreign.example/', '{}', 5000
  where not is_first_in_queue;
  select monitoring.withdraw_unanswered_requests();
  select format('%s %s', worker_kills, paused_at is not null) from monitoring.target_states where target = 'killer';
$$;

create function monitoring.test_neighbor_answers()
returns text
language sql
set search_path = ''
as $$
  insert into public.monitoring_checks (
    target, target_type, scheduled_at, sent_at, answered_at, status, completed_at
  )
  values ('neighbor', 'other', clock_timestamp(), clock_timestamp(), clock_timestamp(), 'up', clock_timestamp());
  select monitoring.withdraw_unanswered_requests();
  select format('%s %s', worker_kills, paused_at is not null) from monitoring.target_states where target = 'killer';
$$;

insert into monitoring.target_states (target, since, unknown_rounds)
values ('killer', now(), 2), ('neighbor', now(), 0);

select is(monitoring.test_kill(false), '0 f', 'a request that was there before may be the cause');

select is(monitoring.test_neighbor_answers(), '0 f', 'so the target is not blamed');

select is(monitoring.test_kill(true), '0 f', 'no target is blamed before the worker is seen to work');

select is(monitoring.test_neighbor_answers(), '1 f', 'an answer to another request since then shows the cause');

select is(monitoring.test_kill(true) || monitoring.test_neighbor_answers(), '1 f2 t', 'the second time pauses the target');

select results_eq(
  $$ select incidents.title, incidents.severity::text as severity, incidents.status::text as status
     from public.incidents
     where incidents.fingerprint = 'health-check:target:killer' $$,
  $$ values ('killer is paused: its responses end the worker of pg_net', 'MEDIUM', 'open') $$,
  'an incident says why'
);

select is(
  (select string_agg(suspected_targets.target, ' ') from monitoring.suspected_targets), null, 'nobody is suspected any more'
);

update public.system_config
set value = '[
  {"name": "killer", "type": "backend", "url": "https://repaired.example/"},
  {"name": "neighbor", "type": "other", "url": "https://neighbor.example/"}
]'
where key = 'health_check_targets';

select is(
  (
    select target_states.worker_kills || coalesce(target_states.pause_reason, ' resumed')
    from monitoring.target_states
    where target_states.target = 'killer'
  ),
  '0 resumed', 'a new URL resumes the target'
);

select * from finish();

rollback;
