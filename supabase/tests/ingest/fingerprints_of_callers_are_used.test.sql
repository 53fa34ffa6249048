begin;

select plan(5);

select public.report_error(jsonb_build_object('error', '{"message": "m"}'::jsonb, 'fingerprint', given.fingerprint))
from (values (repeat('a', 300)), (repeat('a', 301)), ('login-ann@example.com'), ('login-bob@example.com'))
  as given (fingerprint);

select is(
  (
    select count(*)
    from public.incidents
    where fingerprint ~ '^[0-9a-f]{64}$' and first_seen >= now()
  ), 4::bigint,
  'fingerprints are hashed, so that neither their length nor redaction makes two of them equal'
);

select results_eq(
  $$ select (monitoring.complete_repeat(null, event || '{"error": {}}', now())).context from unnest(array[
       '{"fingerprint": " checkout:timeout ", "context": {"a": 1}}', '{"fingerprint": "login-ann@example.com"}', '{}'
     ]::jsonb[]) as event $$,
  $$ values ('{"a": 1, "fingerprint": "checkout:timeout"}'::jsonb), ('{"fingerprint": "[redacted]"}'), ('{}') $$,
  'the context keeps what was given, sanitized'
);

select results_eq(
  $$ select monitoring.read_fingerprint(event, 'service')
     from unnest(array['{"fingerprint": "spool"}', '{"fingerprint": "service:spool"}', '{"fingerprint": "health-check:x"}',
       '{"fingerprint": " "}', '{}']::jsonb[]) as event $$,
  $$ values ('service:spool'), ('service:spool'), ('service:health-check:x'), (null), (null) $$,
  'those of our own kinds are in the namespace of their sender'
);

select is(
  length(monitoring.read_event_text(jsonb_build_object('source', repeat('s', 300)), 'source', '', 200)), 200,
  'a long source is truncated without a note'
);

select is(
  (
    select idempotency_key
    from monitoring.prepare_event('{"error": {"message": "m"}, "idempotency_key": "Bearer abc"}', 1, 'server:a')
  ),
  encode(sha256('report 8 server:a Bearer abc'), 'hex'),
  'only the hash of an idempotency key is stored'
);

select * from finish();

rollback;
