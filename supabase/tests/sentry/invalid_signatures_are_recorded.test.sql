begin;

select plan(3);

-- Rows of other tests are moved to the past.
update public.security_events
set created_at = created_at - interval '1 day';

select results_eq(
  $$ select public.record_invalid_signature(address) from unnest(array['192.0.2.1', '192.0.2.1', '192.0.2.2', 'x', null])
     as address $$,
  $$ values (true), (false), (true), (true), (false) $$,
  'one row per minute and address'
);

select results_eq(
  $$ select host(ip_address) from public.security_events where created_at = now() order by 1 $$,
  $$ values ('192.0.2.1'), ('192.0.2.2'), (null) $$,
  'an invalid address is recorded once'
);

update public.security_events
set created_at = created_at - interval '61 seconds'
where event_type = 'invalid_signature';

select is(public.record_invalid_signature('192.0.2.1'), true, 'a row is written again a minute later');

select * from finish();

rollback;
