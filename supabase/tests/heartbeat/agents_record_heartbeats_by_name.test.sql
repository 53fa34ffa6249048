begin;

select plan(7);

update public.system_config
set value = '[{"name": "backup", "type": "heartbeat", "period_minutes": 60}]'
where key = 'health_check_targets';

select is(
  public.record_heartbeat(' backup ', 'start') - 'next_expected_at',
  '{"success": true, "heartbeat": "backup", "signal": "start", "duplicate": false}', 'a start'
);

select is(public.record_heartbeat('BACKUP', '2') ->> 'signal', 'fail', 'an exit code');

select results_eq(
  $$ select state, last_exit_code::integer, last_sender from monitoring.heartbeats $$,
  $$ values ('failed', 2, 'server:default') $$, 'are recorded'
);

select throws_ok($$ select public.record_heartbeat('none', 'ok') $$, 'PT404', 'no heartbeat has this name', 'unknown');

select throws_ok($$ select public.record_heartbeat('backup', 'maybe') $$, 'PT400', 'the signal is unknown', 'unclear');

select throws_ok($$ select public.record_heartbeat(' ', 'ok') $$, 'PT400', 'name is missing', 'blank');

select throws_ok($$ select public.ingest_heartbeats('{}') $$, 'PT400', 'heartbeats must be a JSON array', 'no list');

select * from finish();

rollback;
