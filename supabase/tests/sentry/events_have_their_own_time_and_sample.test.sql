begin;

select plan(8);

create function pg_temp.deliver(resource text, action text, data jsonb, sent_at timestamptz default clock_timestamp())
returns text
language sql
as $$
  select public.ingest_deliveries(jsonb_build_array(jsonb_build_object(
    'resource', resource, 'body_hash', gen_random_uuid(), 'sent_at', extract(epoch from sent_at),
    'body', jsonb_build_object('action', action, 'data', data)
  ))) #>> '{0,effect}';
$$;

create function pg_temp.event(message text, release text, happened_at timestamptz)
returns jsonb
language sql
as $$
  select jsonb_build_object('error', jsonb_build_object(
    'issue_id', '90777', 'event_id', gen_random_uuid(), 'datetime', happened_at, 'release', release, 'message', message
  ));
$$;

create function pg_temp.stored()
returns public.incidents
language sql
as $$
  select incidents
  from public.incidents
  where incidents.fingerprint = 'sentry:issue:90777';
$$;

select is(
  pg_temp.deliver('issue', 'created', jsonb_build_object('issue', jsonb_build_object(
    'id', '90777', 'title', 'tap issue', 'shortId', 'TAP-1', 'firstSeen', now() - interval '3 hours'
  ))), 'opened', 'an issue opens an incident'
);

select is((pg_temp.stored()).first_seen, now() - interval '3 hours', 'which was first seen when the issue was');

select is(
  pg_temp.deliver('error', 'created', pg_temp.event('tap event', '7', now() - interval '2 hours')), 'counted', 'an event counts'
);

select is(
  (
    select jsonb_build_array(title, message, release, context #> '{sentry,short_id}', last_seen = now() - interval '2 hours')
    from pg_temp.stored()
  ), '["tap issue", "tap event", "7", "TAP-1", true]'::jsonb,
  'as of its own time; it is the sample, and what the issue said stays'
);

select pg_temp.deliver('error', 'created', pg_temp.event('tap long ago', '6', now() - interval '2 days'));

select is(
  (
    select jsonb_build_array(message, first_seen = now() - interval '3 hours', last_seen >= now())
    from pg_temp.stored()
  ), '["tap long ago", true, true]'::jsonb, 'an event of two days ago counts as of when it was sent'
);

select pg_temp.deliver('issue', 'resolved', '{"issue": {"id": "90777"}}');

select is(
  pg_temp.deliver('error', 'created', pg_temp.event('tap late', '7', now() - interval '1 hour')), 'late',
  'an event before the resolution reopens nothing'
);

select is(
  (
    select sum(occurrences) from public.incident_occurrences
    where incident_id = (pg_temp.stored()).id
  ), (pg_temp.stored()).occurrence_count::numeric, 'and is counted in its hour'
);

select is(
  pg_temp.deliver('issue', 'unresolved', '{"issue": {"id": "90777"}}')
  || ' ' || ((pg_temp.stored()).reopened_at is not null)::text || ' ' || (pg_temp.stored()).message,
  'reopened true tap long ago', 'an issue that is unresolved reopens the incident, and is no sample'
);

select * from finish();

rollback;
