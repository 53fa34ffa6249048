begin;

select plan(5);

select is(
  public.record_security_event('brute_force', 'HIGH', 0.5, '192.0.2.9') -> 'incident_id', 'null',
  'an event below the minimum confidence is only recorded'
);

select isnt(
  public.record_security_event('brute_force', 'HIGH', 0.9, '192.0.2.9', details => '{"password": "hunter2"}')
  -> 'incident_id', 'null', 'an event of the minimum confidence opens an incident'
);

select public.record_security_event('brute_force', 'HIGH', 0.95, '192.0.2.9', details => '{"password": "hunter3"}');

select results_eq(
  $$ select severity::text, category::text, occurrence_count, rule, context #>> '{details,password}'
     from public.incidents where fingerprint = 'security:brute_force:192.0.2.9' $$,
  $$ values ('HIGH', 'security', 2::bigint, 'security_event', '[redacted]') $$,
  'one incident per type and address'
);

select throws_ok(
  $$ select public.record_security_event('x', 'LOW', 1.1) $$, 'PT400', 'confidence must be from 0 to 1', 'a confidence above 1 is rejected'
);

select throws_ok(
  $$ select public.record_security_event('x', 'LOW', 1, 'nowhere') $$, 'PT400', 'ip_address is not an IP address', 'an invalid address is rejected'
);

select * from finish();

rollback;
