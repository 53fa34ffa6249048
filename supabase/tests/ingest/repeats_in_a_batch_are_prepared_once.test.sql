begin;

select plan(6);

create temporary table answered as
select public.ingest_events('[
  {"error": {"message": "m"}, "fingerprint": "flood", "idempotency_key": "f1", "context": {"step": 1}},
  {"error": {"message": "m"}, "fingerprint": "flood", "idempotency_key": "f2", "context": {"step": 2}},
  {"error": {"message": "m"}, "fingerprint": "flood", "idempotency_key": "f2", "context": {"step": 2}},
  {"error": {"message": "m"}, "fingerprint": "flood", "context": "no object"},
  {"error": {"message": "m"}, "fingerprint": "flood", "severity": "CRITICAL"},
  {"error": {"message": "m"}, "fingerprint": "flood", "source": "another"}
]') as answer;

select is(
  (select jsonb_agg(item -> 'occurrence_count') from answered, jsonb_array_elements(answer) as items (item)),
  '[1, 2, 2, null, 3, 4]'::jsonb,
  'each repeat has its own key and count'
);

select is(
  (select answer #>> '{3,error,field}' from answered), 'context',
  'only the repeat with an invalid context is rejected'
);

select is(
  (select answer #>> '{0,severity}' from answered), 'CRITICAL',
  'an event with another severity is prepared on its own'
);

select is(
  (
    select prepared.context
    from monitoring.complete_repeat(
      monitoring.prepare_event('{"error": {"message": "m"}, "context": {"password": "x"}}', 1, 'server:default'),
      '{"error": {"message": "m"}, "context": {"password": "y", "step": 2}}', now()
    ) as prepared
  ),
  '{"password": "[redacted]", "step": 2}'::jsonb,
  'the context of a repeat is its own, sanitized'
);

select is(
  (
    select count(*)
    from monitoring.event_receipts
    where created_at = now()
  ), 2::bigint,
  'each key has one receipt'
);

create temporary table from_urls as
select public.ingest_events('[
  {"error": {"message": "m"}, "fingerprint": "urls", "url": "/orders/1", "context": {"step": 1}},
  {"error": {"message": "m"}, "fingerprint": "urls", "url": "/orders/2", "context": {"step": 1}},
  {"error": {"message": "m"}, "fingerprint": "urls", "url": 7, "context": {"step": 1}}
]') as answer;

select is(
  (
    select array[incidents.url, incidents.occurrence_count::text]
    from public.incidents
    inner join from_urls on incidents.id = from_urls.answer #>> '{2,incident_id}'
  ),
  array['7', '3'],
  'the URL of the newest is stored'
);

select * from finish();

rollback;
