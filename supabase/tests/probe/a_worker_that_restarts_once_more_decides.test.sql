begin;

select plan(5);

-- No other target answers.
update public.system_config
set value = '[{"name": "killer", "type": "backend", "url": "https://killer.example/"}]'
where key = 'health_check_targets';

insert into monitoring.target_states (target, since)
values ('killer', now());

-- Given up after the worker with the id 1 ended, so many minutes ago; the present worker is another one.
create function monitoring.test_give_up(minutes integer)
returns text
language sql
set search_path = ''
as $$
  delete from monitoring.suspected_targets;
  insert into monitoring.suspected_targets (target, scheduled_at, unanswered_at, worker_ended_at, worker_pid)
  values (
    'killer', now() - interval '10 minutes', clock_timestamp() - make_interval(mins => minutes),
    clock_timestamp() - make_interval(mins => minutes), 1
  );
  select monitoring.confirm_worker_kills();
  select format(
    'kills %s, waits %s, same worker %s',
    worker_kills, worker_ended_at is not null, worker_pid is not distinct from monitoring.find_worker_pid()
  )
  from monitoring.suspected_targets;
$$;

select is(
  monitoring.test_give_up(2), 'kills 0, waits t, same worker t', 'a worker that came later is watched for a minute of its own'
);

select ok(
  (
    select suspected_targets.worker_ended_at > clock_timestamp() - interval '30 seconds'
    from monitoring.suspected_targets
  ),
  'its minute begins when it is seen'
);

select is(
  monitoring.test_give_up(6), 'kills 0, waits f, same worker t', 'a target that nothing decides about is tried again'
);

insert into monitoring.probes (target, target_type, scheduled_at, sent_at, send_at)
values ('killer', 'backend', now() - interval '10 minutes', now() - interval '10 minutes', now());

select is(
  (
    select count(*)
    from monitoring.probes
    where
      probes.target = 'killer'
      and probes.id in (select chosen.check_id from monitoring.choose_due_checks() as chosen)
  ),
  1::bigint,
  'its check is sent'
);

update monitoring.suspected_targets
set worker_ended_at = clock_timestamp();

select is_empty(
  $$ select chosen.check_id
     from monitoring.choose_due_checks() as chosen
     join monitoring.probes on probes.id = chosen.check_id
     where probes.target = 'killer' $$,
  'while it is not decided, its check waits'
);

select * from finish();

rollback;
