begin;

select plan(8);

update public.system_config
set value = '[
  {"name": "backup", "type": "heartbeat", "cron": "0 3 * * *", "timezone": "Europe/Berlin", "max_run_minutes": 60},
  {"name": "sync", "type": "heartbeat", "period_minutes": 10, "grace_minutes": 2}
]'
where key = 'health_check_targets';

create function pg_temp.send(target text, variadic signals text[]) returns void
language sql
as $$
  select public.ingest_heartbeats(
    jsonb_agg(
      jsonb_build_object(
        'sender', 'server:default',
        'slug', send.target,
        'signal', split_part(signals.signal, ' ', 1),
        'received_at', now() - (split_part(signals.signal, ' ', 2) || ' minutes')::interval
      )
      order by signals.position
    )
  )
  from unnest(send.signals) with ordinality as signals (signal, position)
$$;

select lives_ok(
  $$ select pg_temp.send('backup', 'start 50', 'ok 40', 'ok 40', '3 30', 'fail 35', 'start 9', 'nonsense 8') $$,
  'heartbeats arrive'
);

select is(
  public.target_page('backup') #> '{heartbeat,runs}',
  jsonb_build_array(
    jsonb_build_object('at', now() - interval '30 minutes', 'status', 'failed', 'duration_ms', null, 'exit_code', 3),
    jsonb_build_object('at', now() - interval '35 minutes', 'status', 'failed', 'duration_ms', null, 'exit_code', null),
    jsonb_build_object('at', now() - interval '40 minutes', 'status', 'ok', 'duration_ms', 600000, 'exit_code', null)
  ),
  'each end of a run is listed once, the newest first'
);

select is(
  (public.target_page('backup') -> 'heartbeat') - array['runs', 'next_expected_at'],
  jsonb_build_object(
    'schedule', '0 3 * * * (Europe/Berlin)', 'state', 'failed', 'is_running', true, 'last_ok_at', now() - interval '40 minutes',
    'last_failed_at', now() - interval '30 minutes', 'grace_minutes', 5, 'max_run_minutes', 60
  ),
  'the heartbeat says when it is expected, and how it is'
);

select is(
  public.target_page('sync') -> 'heartbeat' @> '{"schedule": "every 10 minutes", "runs": [], "is_running": false}', true,
  'one that never ran has no runs'
);

select lives_ok(
  $$ select pg_temp.send('sync', variadic array(
       select 'ok ' || series.minute from generate_series(100, 61, -1) as series (minute)
     )) $$,
  'many heartbeats arrive'
);

select results_eq(
  $$ select target, count(*), min(ended_at) from monitoring.heartbeat_runs group by target order by target $$,
  $$ values ('backup', 3::bigint, now() - interval '40 minutes'), ('sync', 30, now() - interval '90 minutes') $$,
  'the last 30 runs of each target are kept'
);

select throws_ok(
  $$ insert into monitoring.heartbeat_runs (target, ended_at, status, duration_ms, exit_code)
     values ('sync', now(), 'ok', -1, null) $$,
  '23514', 'new row for relation "heartbeat_runs" violates check constraint "run_duration_is_not_negative"',
  'a run takes no negative time'
);

update public.system_config
set value = value - 1
where key = 'health_check_targets';

select is_empty(
  $$ select * from monitoring.heartbeat_runs where target = 'sync' $$, 'runs are removed with their target'
);

select * from finish();

rollback;
