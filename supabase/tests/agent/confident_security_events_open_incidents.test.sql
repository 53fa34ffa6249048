begin;

select plan(5);

select is(
  public.record_security_event('brute_force', 'HIGH', 0.5, '192.0.2.9') -> 'incident_id', 'null',
  'what is not sure enough is only noted'
);

select isnt(
  public.record_security_event('brute_force', 'HIGH', 0.9, '192.0.2.9', details => '{"password": "hunter2"}')
  -> 'incident_id', 'null', 'what is sure is an incident'
);

select public.record_security_event('brute_force', 'HIGH', 0.95, '192.0.2.9');

select results_eq(
  $$ select severity::text, category::text, occurrence_count, rule, context #>> '{details,password}'
     from public.incidents where fingerprint = 'security:brute_force:192.0.2.9' $$,
  $$ values ('HIGH', 'security', 2::bigint, 'security_event', '[redacted]') $$,
  'one an address and kind'
);

select throws_ok(
  $$ select public.record_security_event('x', 'LOW', 1.1) $$, 'PT400', 'confidence must be from 0 to 1', 'sure is 1'
);

select throws_ok(
  $$ select public.record_security_event('x', 'LOW', 1, 'nowhere') $$, 'PT400', 'ip_address is not an IP address', 'an address is one'
);

select * from finish();

rollback;
