begin;

select plan(8);

update public.system_config
set value = '[{"name": "Backup", "type": "heartbeat", "period_minutes": 60, "max_run_minutes": 30}]'
where key = 'health_check_targets';

-- As if the target were older.
update monitoring.heartbeats set next_expected_at = now() - interval '2 hours';

create function pg_temp.send(variadic signals text[]) returns text
language sql
as $$
  select string_agg(
    coalesce(answers.answer #>> '{error,code}', (answers.answer ->> 'signal') || ' ' || (answers.answer ->> 'duplicate')), ', '
    order by answers.position
  )
  from (
    select public.ingest_heartbeats(
      jsonb_agg(
        jsonb_build_object(
          'sender', 'heartbeat',
          'key', (select key from monitoring.heartbeat_keys),
          'signal', split_part(signals.signal, ' ', 1),
          'received_at', now() - (split_part(signals.signal, ' ', 2) || ' minutes')::interval
        )
        order by signals.position
      )
    ) as answers
    from unnest(send.signals) with ordinality as signals (signal, position)
  ) as sent
  cross join jsonb_array_elements(sent.answers) with ordinality as answers (answer, position)
$$;

select is(pg_temp.send('start 50', 'ok 40', 'ok 40'), 'start false, ok false, ok true', 'a repeated signal is a duplicate');

select results_eq(
  $$ select state, next_expected_at, last_duration_ms, running_since, last_sender from monitoring.heartbeats $$,
  $$ values ('ok', now() + interval '20 minutes', 600000::bigint, null::timestamptz, 'heartbeat') $$,
  'a success moves the next time on, and its run has a duration'
);

select is(pg_temp.send('fail 60', 'start 55', 'ok 45'), 'fail false, start true, ok true', 'older signals are accepted');

select results_eq(
  $$ select state, last_ok_at, last_failed_at, running_since from monitoring.heartbeats $$,
  $$ values ('ok', now() - interval '40 minutes', now() - interval '60 minutes', null::timestamptz) $$,
  'and change nothing that a later one said'
);

select is(pg_temp.send('137 20', '0 10', '256 5', 'nonsense 5'), 'fail false, ok false, PT400, PT400', 'exit codes are read');

select is(pg_temp.send('start 8', 'start 4', '3 2', 'start 1'), 'start false, start false, fail false, start false', 'runs');

select results_eq(
  $$ select state, last_exit_code::integer, last_duration_ms, running_since, next_expected_at from monitoring.heartbeats $$,
  $$ values ('failed', 3, 360000::bigint, now() - interval '1 minute', now() + interval '58 minutes') $$,
  'a failure is one, and the next run counts from its own start'
);

select results_eq(
  $$ select (monitoring.read_signal(word)).kind, (monitoring.read_signal(word)).exit_code::integer
     from unnest(array['OK', ' 0 ', 'error', 'in_progress', '255', '-1', null]) as words (word) $$,
  $$ values ('ok', null::integer), ('ok', null), ('fail', null), ('start', null), ('fail', 255), (null, null), (null, null) $$,
  'words of SDKs are read too'
);

select * from finish();

rollback;
