begin;

select plan(4);

update public.system_config
set value = '[{"name": "sync", "type": "heartbeat", "period_minutes": 10}]'
where key = 'health_check_targets';

create function pg_temp.insert_run(target text, status text, duration_ms bigint, exit_code smallint) returns void
language sql
as $$
  insert into monitoring.heartbeat_runs (target, ended_at, status, duration_ms, exit_code)
  values (insert_run.target, now(), insert_run.status, insert_run.duration_ms, insert_run.exit_code)
$$;

select throws_ok(
  $$ select pg_temp.insert_run('sync', 'missed', null, null) $$,
  '23514', 'new row for relation "heartbeat_runs" violates check constraint "run_status_is_known"', 'a run is ok or failed'
);

select throws_ok(
  $$ select pg_temp.insert_run('sync', 'failed', null, 0::smallint) $$,
  '23514', 'new row for relation "heartbeat_runs" violates check constraint "run_exit_code_is_one_of_a_failure"',
  'a failure has an exit code from 1'
);

select throws_ok(
  $$ select pg_temp.insert_run('sync', 'ok', null, 3::smallint) $$,
  '23514', 'new row for relation "heartbeat_runs" violates check constraint "run_exit_code_is_one_of_a_failure"',
  'a success has none'
);

select throws_ok(
  $$ select pg_temp.insert_run('nothing', 'ok', 5, null) $$, '23503', null, 'a run belongs to a heartbeat'
);

select * from finish();

rollback;
