begin;

select plan(5);

create temporary table first_time as
select public.ingest_events(
  '[{"error": {"message": "m"}, "fingerprint": "k", "idempotency_key": "one"}]'
) as answer;

select is(
  public.ingest_events('[{"error": {"message": "m"}, "fingerprint": "k", "idempotency_key": "one"}]'),
  (select answer from first_time),
  'a known key returns the first answer'
);

select is(
  public.ingest_events('[{"error": {"message": "m"}, "fingerprint": "k", "idempotency_key": "two"},
                         {"error": {"message": "m"}, "fingerprint": "k", "idempotency_key": "two"}]')
  #> '{1,occurrence_count}',
  '2'::jsonb,
  'a key that occurs twice in a batch counts once'
);

select is(
  (
    select occurrence_count from public.incidents
    where context ->> 'fingerprint' = 'k'
  ),
  2::bigint,
  'two keys count as two occurrences'
);

select is(
  public.ingest_events('[{"error": {}, "idempotency_key": "bad"}]') #>> '{0,error,field}', 'error.message',
  'an invalid event is rejected'
);

select is(
  public.ingest_events('[{"error": {"message": "mended"}, "idempotency_key": "bad"}]') #> '{0,success}',
  'true'::jsonb,
  'its key can be used again after a correction'
);

select * from finish();

rollback;
