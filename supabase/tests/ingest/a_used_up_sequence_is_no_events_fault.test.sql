begin;

select plan(3);

select public.ingest_events('[{"error": {"message": "first"}, "fingerprint": "used up"}]');

-- Transactional, unlike setval().
do $$
begin
  execute format(
    'alter sequence public.incident_number maxvalue %s', (select last_value from public.incident_number)
  );
end
$$;

select throws_ok(
  $$select public.ingest_events('[{"error": {"message": "x"}, "fingerprint": "new 1"}]')$$,
  '2200H', null,
  'a new incident fails with the error of the sequence, which the caller retries'
);

select throws_ok(
  $$select public.ingest_events(
    '[{"error": {"message": "x"}, "fingerprint": "new 1"}, {"error": {"message": "first"}, "fingerprint": "used up"}]'
  )$$,
  '2200H', null,
  'a batch with a new incident fails as a whole'
);

select is(
  public.ingest_events('[{"error": {"message": "first"}, "fingerprint": "used up"}]') #> '{0,occurrence_count}',
  '2'::jsonb,
  'a repeat is stored'
);

select * from finish();

rollback;
