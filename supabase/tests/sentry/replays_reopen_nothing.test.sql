begin;

select plan(6);

create function monitoring.test_event(body_hash text, happened interval)
returns text
language sql
set search_path = ''
as $$
  select public.ingest_deliveries(jsonb_build_array(jsonb_build_object(
    'resource', 'error', 'body_hash', test_event.body_hash, 'body', jsonb_build_object(
      'data', jsonb_build_object('error', jsonb_build_object(
        'issue_id', '90091', 'event_id', test_event.body_hash, 'datetime', clock_timestamp() + test_event.happened
      ))
    )
  ))) #>> '{0,effect}';
$$;

select is(monitoring.test_event('r1', '-40 days'), 'opened', 'an event opens an incident');

select is((public.resolve_incident(id, 'fixed')).status, 'resolved', 'a person resolves it')
from public.incidents
where fingerprint = 'sentry:issue:90091';

select is(monitoring.test_event('r1', '-40 days'), 'repeated', 'the same event does not reopen it');

select is(monitoring.test_event('r2', '-40 days'), 'late', 'nor another one from before, however old');

select is(public.replay_delivery(id) ->> 'effect', 'late', 'nor its replay')
from monitoring.deliveries
where body_hash = 'r2';

select is(monitoring.test_event('r3', '0'), 'reopened', 'a new event does');

select * from finish();

rollback;
