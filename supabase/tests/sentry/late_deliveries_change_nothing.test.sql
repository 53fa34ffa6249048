begin;

select plan(6);

create function monitoring.test_deliver(resource text, action text, minute integer, data jsonb default '{}')
returns text
language plpgsql
set search_path = ''
as $$
begin
  return public.ingest_deliveries(jsonb_build_array(jsonb_build_object(
    'resource', test_deliver.resource,
    'body_hash', gen_random_uuid(),
    'sent_at', 1787212800 + 60 * test_deliver.minute,
    'body', jsonb_build_object('action', test_deliver.action, 'data', test_deliver.data || jsonb_build_object(
      'issue', '{"id": "90046"}'::jsonb, 'metric_alert', '{"alert_rule": {"id": "90047"}}'::jsonb
    ))
  ))) #>> '{0,effect}';
end
$$;

select results_eq(
  $$ select monitoring.test_deliver('issue', action, minute)
     from (values (1, 'created'), (2, 'resolved'), (3, 'unresolved')) as sent (minute, action) $$,
  $$ values ('opened'), ('resolved'), ('reopened') $$,
  'the order is that of sending, not of arrival'
);

select results_eq(
  $$ select monitoring.test_deliver('issue', action, minute)
     from (values (2, 'resolved'), (2, 'ignored'), (3, 'resolved'), (3, 'unresolved')) as sent (minute, action) $$,
  $$ values ('late'), ('late'), ('resolved'), ('reopened') $$,
  'an older resolution does not resolve the incident; within a second the order of arrival decides'
);

select results_eq(
  $$ select monitoring.test_deliver('metric_alert', action, minute)
     from (values (5, 'critical'), (4, 'warning'), (4, 'resolved'), (6, 'resolved'), (5, 'critical'))
       as sent (minute, action) $$,
  $$ values ('opened'), ('late'), ('late'), ('resolved'), ('late') $$,
  'an older alert neither lowers nor resolves nor reopens'
);

select is(
  monitoring.test_deliver('error', 'created', 7, '{"error": {"issue_id": "90046", "datetime": "2020-01-01T00:00:00Z"}}'),
  'counted', 'an old event counts'
);

select
  is(
    monitoring.find_latest_sent_at(id, array['opened']), to_timestamp(1787212860), 'the time of sending is stored'
  )
from public.incidents
where fingerprint = 'sentry:issue:90046';

select results_eq(
  $$ select public.ingest_deliveries(jsonb_build_array(jsonb_build_object(
       'resource', 'issue', 'body_hash', gen_random_uuid(), 'sent_at', 1787212800 + minute,
       'body', jsonb_build_object('action', action, 'data', '{"issue": {"id": "90048"}}'::jsonb)
     ))) #>> '{0,effect}'
     from (values (120, 'resolved'), (60, 'created'), (180, 'unresolved')) as sent (minute, action) $$,
  $$ values ('recorded'), ('late'), ('opened') $$,
  'an issue whose resolution arrived first is not opened'
);

select * from finish();

rollback;
