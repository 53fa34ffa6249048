begin;

select plan(4);

update public.system_config
set value = '{"new_incidents_per_minute": 2}'
where key = 'rate_limits';

create function monitoring.test_record(subject text, number integer)
returns text
language sql
set search_path = ''
as $$
  select set_config('request.jwt.claims', json_build_object('role', 'authenticated', 'sub', subject)::text, true);
  select public.record_security_event('tap', 'HIGH', 1, '192.0.2.' || number) ->> 'incident_id';
$$;

select results_eq(
  $$ select monitoring.test_record('eve', number) is null from generate_series(1, 3) as number $$,
  $$ values (false), (false), (true) $$,
  'a caller opens as many incidents as any reporter'
);

select isnt(monitoring.test_record('ann', 4), null, 'another caller has a quota of its own');

select results_eq(
  $$ select distinct sender from public.incidents where fingerprint like 'security:tap:192.0.2.%' $$,
  $$ values ('security') $$,
  'the incidents are in the namespace of security events'
);

select is(
  (
    select count(*) from public.security_events
    where event_type = 'tap'
  ), 4::bigint,
  'each event is recorded'
);

select * from finish();

rollback;
