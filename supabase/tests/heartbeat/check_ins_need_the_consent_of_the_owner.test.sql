begin;

select plan(8);

update public.system_config
set value = '[
  {"name": "backup", "type": "heartbeat", "period_minutes": 60},
  {"name": "sync", "type": "heartbeat", "period_minutes": 60, "check_ins_from": ["shop"]}
]'
where key = 'health_check_targets';

create function pg_temp.check_in(sender text, slug text, status text) returns jsonb
language sql
as $$
  select public.ingest_heartbeats(
    jsonb_build_array(
      jsonb_build_object(
        'sender', check_in.sender,
        'slug', check_in.slug,
        'received_at', now(),
        'check_in', jsonb_build_object('check_in_id', 'a1b2', 'status', check_in.status, 'duration', 1.5)
      )
    )
  ) -> 0
$$;

select is(
  pg_temp.check_in('public:shop', 'Sync', 'ok') - 'next_expected_at',
  '{"success": true, "heartbeat": "sync", "signal": "ok", "duplicate": false}',
  'a check-in of a listed key counts, by the name of the target'
);

select results_eq(
  $$ select state, last_run_id, last_duration_ms, last_sender from monitoring.heartbeats where target = 'sync' $$,
  $$ values ('ok', 'a1b2', 1500::bigint, 'public:shop') $$,
  'its id and duration are kept'
);

select is(
  pg_temp.check_in('public:shop', 'backup', 'ok') #>> '{error,code}', 'PT403', 'that of another key is refused'
);

select results_eq(
  $$ select state, last_ok_at, last_refused_at, last_refused_sender from monitoring.heartbeats where target = 'backup' $$,
  $$ values ('waiting', null::timestamptz, now(), 'public:shop') $$,
  'which the owner can see'
);

update monitoring.heartbeats
set state = 'missed', next_expected_at = '2026-01-01 02:00+00', last_refused_at = '2026-01-01 02:01+00'
where target = 'backup';

select is(
  (
    select monitoring.describe_heartbeat_problem(heartbeats, probe_targets)
    from monitoring.heartbeats
    inner join monitoring.probe_targets on heartbeats.target = probe_targets.name
    where heartbeats.target = 'backup'
  ),
  'no heartbeat arrived until 2026-01-01 02:05 UTC, expected at 2026-01-01 02:00 UTC; there has been none yet; a check-in of'
  || ' public:shop at 2026-01-01 02:01 UTC was refused, because check_ins_from does not list the key',
  'also in the incident'
);

select is(pg_temp.check_in('public:shop', 'none', 'ok') #>> '{error,code}', 'PT404', 'an unknown name is refused');

select is(pg_temp.check_in('stranger', 'sync', 'ok') #>> '{error,field}', 'sender', 'and an unknown sender');

select is(pg_temp.check_in('heartbeat', 'sync', 'ok') #>> '{error,code}', 'PT404', 'a name is no key');

select * from finish();

rollback;
