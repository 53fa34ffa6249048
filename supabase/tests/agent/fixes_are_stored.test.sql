begin;

select plan(7);

select public.report_error(
  '{"error": {"message": "Pool timeout after 30 s on db 7", "type": "PoolError"}, "fingerprint": "known 1"}'
);

select ok(
  public.remember_fix(
    'raise the pool to 40', (
      select id from public.incidents
      where context ->> 'fingerprint' = 'known 1'
    ), root_cause => 'too few connections'
  ) > 0,
  'a fix is stored for an incident'
);

select is(
  (
    select error_knowledge.solution from public.incidents
    inner join public.error_knowledge on incidents.knowledge_id = error_knowledge.id
    where incidents.context ->> 'fingerprint' = 'known 1'
  ),
  'raise the pool to 40', 'the incident is linked to the fix'
);

select public.report_error(
  '{"error": {"message": "Pool timeout after 45 s on db 9", "type": "PoolError"}, "source": "other", "fingerprint": "known 2"}'
);

select isnt(
  (
    select knowledge_id from public.incidents
    where context ->> 'fingerprint' = 'known 2'
  ),
  null, 'the next incident of the error is linked, whatever its source'
);

select is(
  public.remember_fix('raise it to 60', pattern => 'Pool timeout after 1 s on db 2', error_type => 'PoolError'),
  (
    select knowledge_id from public.incidents
    where context ->> 'fingerprint' = 'known 1'
  ),
  'the same error updates the same entry'
);

select is(
  (
    select (public.resolve_incident(incidents.id, 'raised the pool', incidents.knowledge_id, true)).status
    from public.incidents
    where incidents.context ->> 'fingerprint' = 'known 2'
  ),
  'resolved', 'a resolution can record an outcome'
);

select throws_ok(
  $$ select public.remember_fix('s') $$, 'PT400', 'pattern is missing', 'an entry needs an incident or a pattern'
);

select throws_ok(
  $$ select public.record_fix_outcome(-1, true, id) from public.incidents where context ->> 'fingerprint' = 'known 1' $$,
  'PT404', 'there is no knowledge -1', 'an outcome of an unknown entry is rejected'
);

select * from finish();

rollback;
