begin;

select plan(9);

-- The deliveries of other tests do not count.
update monitoring.deliveries
set effect = 'recorded', next_attempt_at = null
where effect in ('deferred', 'failed');

create function monitoring.test_deliver(body_hash text, body jsonb, resource text default 'error')
returns jsonb
language sql
set search_path = ''
as $$
  select public.ingest_deliveries(jsonb_build_array(jsonb_build_object(
    'resource', test_deliver.resource, 'body_hash', test_deliver.body_hash, 'body', test_deliver.body,
    'sent_at', '1787212800'
  ))) -> 0;
$$;

select is(
  monitoring.test_deliver('h1', '{"action": "created", "data": {"error": {"issue_id": 90043, "title": "password=hunter2"}}}')
  ->> 'effect',
  'opened', 'a delivery opens an incident'
);

select results_eq(
  $$ select resource, action, body_hash, sent_at, effect, incident_id is not null, body #>> '{data,error,title}'
     from monitoring.deliveries where body_hash = 'h1' $$,
  $$ values ('error', 'created', 'h1', '2026-08-20 08:00:00+00'::timestamptz, 'opened', true, 'password=[redacted]') $$,
  'the delivery is stored without secrets'
);

select is(
  monitoring.test_deliver('h1', '{"action": "created", "data": {"error": {"issue_id": 90043}}}')
  - array['delivery_id', 'incident_id', 'delivery_ids', 'incident_ids'],
  '{"success": true, "effect": "repeated", "effects": ["repeated"], "understood": true, "duplicate": true}'::jsonb, 'the same body is not applied again'
);

update monitoring.deliveries
set received_at = received_at - interval '29 days'
where body_hash = 'h1';

select is(
  monitoring.test_deliver('h1', '{"action": "created", "data": {"error": {"issue_id": 90043}}}') ->> 'effect', 'repeated',
  'nor weeks later'
);

select is(public.replay_delivery(min(id)) ->> 'effect', 'opened', 'replaying a delivery that was applied returns its effect')
from monitoring.deliveries
where body_hash = 'h1';

select is(occurrence_count, 1::bigint, 'and does not count it again')
from public.incidents
where fingerprint = 'sentry:issue:90043';

select throws_ok(
  $$ select public.replay_delivery(-1) $$, 'PT404', 'there is no delivery -1', 'an unknown delivery cannot be replayed'
);

update public.system_config
set value = '{"new_incidents_per_minute": 1}'
where key = 'rate_limits';

select is(
  monitoring.test_deliver('h3', '{"data": {"error": {"issue_id": 90044}}}') ->> 'effect', 'deferred',
  'a delivery over the limit of new incidents is deferred'
);

update public.system_config
set value = '{}'
where key = 'rate_limits';

select is(monitoring.retry_deliveries(), 1::bigint, 'a deferred delivery is applied later');

select * from finish();

rollback;
