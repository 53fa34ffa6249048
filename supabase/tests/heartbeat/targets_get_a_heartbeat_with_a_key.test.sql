begin;

select plan(8);

create function pg_temp.write_targets(targets jsonb) returns void
language sql
as $$
  update public.system_config set value = write_targets.targets where key = 'health_check_targets'
$$;

select pg_temp.write_targets('[
  {"name": "backup", "type": "heartbeat", "cron": "0 2 * * *"},
  {"name": "sync", "type": "heartbeat", "period_minutes": 10, "enabled": false},
  {"name": "web", "type": "other", "url": "https://a.example"}
]');

select results_eq(
  $$ select target, state, next_expected_at > now(), last_ok_at from monitoring.heartbeats order by target $$,
  $$ values ('backup', 'waiting', true, null::timestamptz), ('sync', 'waiting', true, null) $$,
  'each heartbeat waits for its first time'
);

select results_eq(
  $$ select name, path = '/heartbeat/' || key from monitoring.list_heartbeat_keys() $$,
  $$ values ('backup', true), ('sync', true) $$,
  'the owner sees the keys'
);

create table pg_temp.keys_before as select * from monitoring.heartbeat_keys;

update monitoring.heartbeats set state = 'missed', running_since = now(), next_expected_at = now() - interval '1 day';

select pg_temp.write_targets('[
  {"name": "sync", "type": "heartbeat", "period_minutes": 20},
  {"name": "backup", "type": "heartbeat", "cron": "0 2 * * *", "grace_minutes": 60}
]');

select results_eq(
  $$ select target, state, next_expected_at > now(), running_since from monitoring.heartbeats order by target $$,
  $$ values ('backup', 'missed', false, now()), ('sync', 'waiting', true, null) $$,
  'a new schedule starts anew, other changes do not'
);

select is_empty(
  $$ select key from monitoring.heartbeat_keys except select key from pg_temp.keys_before $$,
  'the keys stay'
);

select isnt(
  (
    select '/heartbeat/' || key from pg_temp.keys_before
    where target = 'sync'
  ),
  monitoring.rotate_heartbeat_key('sync'),
  'until the owner replaces one'
);

select throws_ok(
  $$ select monitoring.rotate_heartbeat_key('web') $$, 'PT404', 'there is no heartbeat web', 'of a heartbeat'
);

select pg_temp.write_targets('[{"name": "sync", "type": "other", "url": "https://a.example"}]');

select is_empty(
  $$ select from monitoring.heartbeats union all select from monitoring.heartbeat_keys $$,
  'a target that is removed or has another type has none'
);

select is(
  (
    select monitoring.find_next_heartbeat(probe_targets, '2026-01-01 00:00+00')
    from monitoring.read_probe_targets('[{"name": "a", "type": "heartbeat", "period_minutes": 90}]') as probe_targets
  ),
  '2026-01-01 01:30+00', 'a period begins with the heartbeat before'
);

select * from finish();

rollback;
