begin;

select plan(8);

create function pg_temp.report(report jsonb)
returns jsonb
language sql
as $$
  select public.ingest_events(jsonb_build_array(jsonb_build_object('sender', 'server:tap-valid', 'event', report))) -> 0;
$$;

select is(
  array(
    select pg_temp.report(jsonb_build_object('fingerprint', 'x', 'status', status)) #>> '{error,field}'
    from (values ('"over"'::jsonb), ('500'), ('[]'), ('""')) as given (status)
  ),
  array['status', 'status', 'status', 'status'],
  'any other status is refused'
);

select is(
  pg_temp.report('{"error": {"message": "x"}, "fingerprint": "tap valid", "status": null}') -> 'success', 'true'::jsonb,
  'null is no status'
);

select is(
  pg_temp.report('{"status": "resolved"}') #>> '{error,field}', 'fingerprint',
  'a resolution needs a fingerprint, or the error of which it is computed'
);

select is(
  pg_temp.report('{"status": "resolved", "error": "x"}') #>> '{error,field}', 'error', 'its error is validated'
);

select is(
  (monitoring.prepare_resolution('{"status": "resolved", "error": {"message": "Order 17 failed"}}', 1, 'server:a'))
  .fingerprint,
  (monitoring.prepare_event('{"error": {"message": "Order 18 failed"}}', 1, 'server:a')).fingerprint,
  'its fingerprint is that of the error'
);

select pg_temp.report('{"error": {"message": "x"}, "fingerprint": "tap valid"}');

select is(
  array(
    select
      pg_temp.report(
        '{"fingerprint": "tap valid", "status": "resolved", "idempotency_key": "tap valid 1"}'
      ) -> 'duplicate'
    from generate_series(1, 2) as repeats
  ),
  array['false', 'false']::jsonb[],
  'the same key gets the first answer'
);

select is(
  pg_temp.report('{"fingerprint": "other", "status": "resolved", "idempotency_key": "tap valid 1"}') #>> '{error,code}',
  'PT422', 'with another report the key is refused'
);

select is(
  array[
    monitoring.order_in_request('epoch', '{"position": 7}'), monitoring.order_in_request('epoch', '{"position": 1e3}'),
    monitoring.order_in_request('epoch', '{"position": "7"}'), monitoring.order_in_request('epoch', '{"position": -1}')
  ],
  array['1970-01-01 00:00:00.000007Z', 'epoch', 'epoch', 'epoch']::timestamptz[],
  'a place in the request is a number of microseconds from 0 to 999'
);

select finish();

rollback;
