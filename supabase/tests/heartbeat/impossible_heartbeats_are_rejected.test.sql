begin;

select plan(4);

update public.system_config
set value = '[{"name": "backup", "type": "heartbeat", "period_minutes": 60}]'
where key = 'health_check_targets';

select throws_ok(
  $$ update monitoring.heartbeats set state = 'late' $$, '23514',
  'new row for relation "heartbeats" violates check constraint "heartbeat_state_is_known"', 'an unknown state'
);

select throws_ok(
  $$ update monitoring.heartbeats set last_exit_code = 0 $$, '23514',
  'new row for relation "heartbeats" violates check constraint "exit_code_is_one_of_a_failure"', 'a failure with exit code 0'
);

select throws_ok(
  $$ update monitoring.heartbeats set last_duration_ms = -1 $$, '23514',
  'new row for relation "heartbeats" violates check constraint "duration_is_not_negative"', 'a negative duration'
);

select throws_ok(
  $$ insert into monitoring.heartbeat_keys (target) values ('none') $$, '23503', null, 'a key without a heartbeat'
);

select * from finish();

rollback;
