begin;

select plan(9);

update public.system_config
set value = '[
  {"name": "tap-paused", "type": "heartbeat", "period_minutes": 60},
  {"name": "tap-awaited", "type": "heartbeat", "period_minutes": 60}
]'
where key = 'health_check_targets';

select public.record_heartbeat('tap-paused', 'ok');

select public.pause_target('tap-paused', 120, 'the job moves');

select results_eq(
  $$ select state, next_expected_at > now() + interval '59 minutes' from monitoring.heartbeats where target = 'tap-paused' $$,
  $$ values ('ok', true) $$,
  'a heartbeat that is paused'
);

update monitoring.heartbeats
set next_expected_at = now() - interval '6 minutes', running_since = now() - interval '2 hours';

select is(monitoring.judge_heartbeats(clock_timestamp()), 1, 'is not judged');

select results_eq(
  $$ select target, state from monitoring.heartbeats order by target $$,
  $$ values ('tap-awaited', 'missed'), ('tap-paused', 'ok') $$,
  'nor missed, as others are'
);

select results_eq(
  $$ select heartbeats.next_expected_at = probe_targets.paused_until + interval '1 hour', heartbeats.running_since
     from monitoring.heartbeats
     join monitoring.probe_targets on probe_targets.name = heartbeats.target
     where heartbeats.target = 'tap-paused' $$,
  $$ values (true, null::timestamptz) $$,
  'it waits for the first time after the pause'
);

select is(monitoring.mark_late_heartbeats(clock_timestamp()), 0::bigint, 'and stays so');

select public.record_heartbeat('tap-paused', 'fail');

select monitoring.judge_heartbeats(clock_timestamp());

select is_empty(
  $$ select from public.incidents where fingerprint = 'health-check:target:tap-paused' and status <> 'resolved' $$,
  'a failure during the pause opens no incident'
);

update monitoring.probe_targets set paused_until = now() - interval '1 second'
where name = 'tap-paused';

update monitoring.heartbeats
set next_expected_at = now() - interval '6 minutes'
where target = 'tap-paused';

select monitoring.judge_heartbeats(clock_timestamp());

select results_eq(
  $$ select state from monitoring.heartbeats where target = 'tap-paused' $$, array['missed'],
  'after the end of the pause it is awaited again'
);

select public.resume_target('tap-paused');

select results_eq(
  $$ select state, next_expected_at > now() + interval '59 minutes' from monitoring.heartbeats where target = 'tap-paused' $$,
  $$ values ('waiting', true) $$,
  'one that is resumed starts anew'
);

update public.system_config
set value = jsonb_set(value, '{1,tags}', '["night"]')
where key = 'health_check_targets';

select results_eq(
  $$ select state from monitoring.heartbeats where target = 'tap-awaited' $$, array['missed'],
  'other changes change nothing'
);

select * from finish();

rollback;
