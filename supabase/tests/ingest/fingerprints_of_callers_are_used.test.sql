begin;

select plan(4);

select public.report_error(jsonb_build_object('error', '{"message": "m"}'::jsonb, 'fingerprint', given.fingerprint))
from (values (repeat('a', 300)), (repeat('b', 300)), ('login-ann@example.com'), ('login-bob@example.com'))
  as given (fingerprint);

select is(
  (
    select count(*)
    from public.incidents
    where fingerprint ~ '^[0-9a-f]{64}$'
  ), 4::bigint,
  'fingerprints that are too long or contain an e-mail address are hashed'
);

select is(
  monitoring.read_fingerprint('{"fingerprint": " checkout:timeout "}'), 'checkout:timeout',
  'other fingerprints are unchanged'
);

select is(
  length(monitoring.read_event_text(jsonb_build_object('source', repeat('s', 300)), 'source', '', 200)), 200,
  'a long source is truncated without a note'
);

select is(
  (
    select idempotency_key
    from monitoring.prepare_event('{"error": {"message": "m"}, "idempotency_key": "Bearer abc"}', 1)
  ),
  encode(sha256('Bearer abc'), 'hex'),
  'only the hash of an idempotency key is stored'
);

select * from finish();

rollback;
