begin;

select plan(8);

create function pg_temp.report(report jsonb)
returns text
language sql
as $$
  select public.ingest_events(jsonb_build_array(jsonb_build_object(
    'sender', 'server:tap-sample', 'event', '{"fingerprint": "tap sample"}' || report
  ))) #>> '{0,incident_id}';
$$;

create function pg_temp.sample()
returns jsonb
language sql
as $$
  select jsonb_build_array(
    incidents.title, incidents.message, incidents.error_code, incidents.stack, incidents.release, incidents.environment,
    incidents.url, incidents.context -> 'step'
  )
  from public.incidents
  where incidents.sender = 'server:tap-sample';
$$;

select pg_temp.report('{"error": {"message": "first", "code": "E1", "stack": "at first"}, "release": "1", "environment": "a",
  "url": "/1", "context": {"step": 1}, "severity": "HIGH"}');

select pg_temp.report('{"error": {"message": "second", "code": "E2", "stack": "at second"}, "release": "2",
  "environment": "b", "url": "/2", "context": {"step": 2}, "severity": "LOW"}');

select is(
  pg_temp.sample(), '["first", "second", "E2", "at second", "2", "b", "/2", 2]'::jsonb,
  'a repeat replaces the sample, and the title stays'
);

select is(
  (
    select severity::text || ' ' || rule from public.incidents
    where sender = 'server:tap-sample'
  ), 'HIGH caller', 'severity and rule are those of the most severe occurrence'
);

select pg_temp.report('{"error": {"message": "third"}}');

select is(
  pg_temp.sample(), '["first", "third", null, "at second", null, null, null, null]'::jsonb,
  'a sample without a stack keeps the last stack, and nothing else'
);

select pg_temp.report(jsonb_build_object(
  'error', '{"message": "an hour ago", "stack": "at an hour ago"}'::jsonb, 'timestamp', now() - interval '1 hour'
));

select is(
  pg_temp.sample(), '["first", "third", null, "at second", null, null, null, null]'::jsonb,
  'an occurrence that arrives out of order replaces nothing'
);

select pg_temp.report(jsonb_build_object(
  'error', '{"message": "ahead"}'::jsonb, 'timestamp', clock_timestamp() + interval '3 minutes'
));

select pg_temp.report('{"error": {"message": "on time"}}');

select is(pg_temp.sample() ->> 1, 'on time', 'a clock that is ahead keeps no sample from being replaced');

select public.ingest_events(jsonb_build_array(
  jsonb_build_object('sender', 'server:tap-sample', 'event', jsonb_build_object(
    'fingerprint', 'tap sample', 'error', '{"message": "newest of the batch"}'::jsonb,
    'timestamp', clock_timestamp() + interval '1 minute'
  )),
  jsonb_build_object('sender', 'server:tap-sample', 'event', jsonb_build_object(
    'fingerprint', 'tap sample', 'error', '{"message": "older", "stack": "at older"}'::jsonb
  ))
));

select is(
  pg_temp.sample() - 2, '["first", "newest of the batch", "at older", null, null, null, null]'::jsonb,
  'of a batch the newest occurrence is the sample, and the newest stack stays'
);

select is(
  public.ingest_events('[
    {"error": {"message": "opens"}, "fingerprint": "tap batch", "severity": "CRITICAL", "context": {"step": 1}},
    {"error": {"message": "follows"}, "fingerprint": "tap batch", "severity": "LOW", "context": {"step": 2}}
  ]') #>> '{1,occurrence_count}', '2', 'a batch opens an incident'
);

select results_eq(
  $$ select title, message, severity::text, context ->> 'step' from public.incidents
     where context ->> 'fingerprint' = 'tap batch' $$,
  $$ values ('opens', 'follows', 'CRITICAL', '2') $$,
  'named by its most severe event, with the newest sample'
);

select * from finish();

rollback;
