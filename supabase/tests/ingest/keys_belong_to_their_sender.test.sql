begin;

select plan(8);

create function monitoring.test_report(sender text, message text, key text default 'k')
returns jsonb
language sql
set search_path = ''
as $$
  select public.ingest_events(jsonb_build_array(jsonb_build_object(
    'sender', sender,
    'event', jsonb_build_object('error', jsonb_build_object('message', message), 'fingerprint', 'f', 'idempotency_key', key)
  ))) -> 0
$$;

select is(
  monitoring.test_report('server:a', 'one') -> 'success', 'true'::jsonb, 'a sender uses a key'
);

select is(
  monitoring.test_report('server:b', 'two') - array['incident_id', 'severity', 'category', 'status'],
  '{"success": true, "occurrence_count": 1, "duplicate": false}'::jsonb,
  'the report of another sender with the same key is stored'
);

select is(
  monitoring.test_report('server:a', 'one') -> 'occurrence_count', '1'::jsonb, 'the same report again is not counted'
);

select is(
  monitoring.test_report('server:a', 'two') -> 'error',
  '{"code": "PT422", "message": "idempotency_key was sent before with another report", "detail": null,
    "hint": "Send a new key with each report. A retry repeats the report unchanged.", "field": "idempotency_key"}'::jsonb,
  'another report with the same key is rejected'
);

select is(
  (
    select jsonb_agg(coalesce(item #> '{error,code}', item -> 'occurrence_count'))
    from jsonb_array_elements(public.ingest_events('[
      {"error": {"message": "m"}, "fingerprint": "in a batch", "idempotency_key": "b"},
      {"error": {"message": "n"}, "fingerprint": "in a batch", "idempotency_key": "b"},
      {"fingerprint": "in a batch", "error": {"message": "m"}, "idempotency_key": "b"}
    ]')) as item
  ),
  '[1, "PT422", 1]'::jsonb,
  'in a batch, too; the order of members does not matter'
);

update public.system_config
set value = '{"email": true}'
where key = 'feature_flags';

create temporary table queued as
select public.queue_email('ann@example.com', 's') as id;

-- Every key that a reporter may send for the event below, before the event.
select monitoring.test_report(sender, 'm', key)
from unnest(array['service', 'server:default', 'server:email']) as sender
cross join unnest(array[
  'email tap-2 sent 2026-01-01 00:00:00+00', 'email ["tap-2", "sent", "2026-01-01T00:00:00+00:00"]',
  '["tap-2", "sent", "2026-01-01T00:00:00+00:00"]', 'email 7 service ["tap-2", "sent", "2026-01-01T00:00:00+00:00"]'
]) as key;

select is(
  public.record_email_event('tap-2', 'sent', '2026-01-01 00:00:00+00', (select id from queued)) - 'email_id',
  '{"status": "sent", "duplicate": false}'::jsonb,
  'no key of a report silences the event of an e-mail'
);

select is(
  (
    select count(distinct monitoring.hash_idempotency_key(route, sender, key))
    from (
      values
      ('report', 'server:a', 'b'), ('report', 'server:a ', 'b'), ('report', 'server:a', ' b'),
      ('email', 'server:a', 'b'), ('report', 'server:a b', ''), ('report', 'server:', 'a b')
    ) as given (route, sender, key)
  ), 6::bigint,
  'no two scopes share a key'
);

select is(monitoring.hash_idempotency_key('report', 'server:a', null), null, 'no key has no hash');

select * from finish();

rollback;
