begin;

select plan(8);

create function monitoring.test_deliver(resource text, action text, data jsonb)
returns text
language plpgsql
set search_path = ''
as $$
declare
  v_answer jsonb := public.ingest_deliveries(jsonb_build_array(jsonb_build_object(
    'resource', test_deliver.resource,
    'body_hash', gen_random_uuid(),
    'body', jsonb_build_object(
      'action', test_deliver.action, 'data', test_deliver.data, 'actor', '{"name": "Emily Carter"}'::jsonb
    )
  ))) -> 0;
begin
  return concat_ws(
    ' ', v_answer ->> 'effect', (
      select concat_ws(' ', status, severity, occurrence_count)
      from public.incidents
      where id = v_answer ->> 'incident_id'
    )
  );
end
$$;

select is(
  monitoring.test_deliver('issue', 'resolved', '{"issue": {"id": 90041}}'), 'recorded', 'a change of an unknown issue opens no incident'
);

select is(
  monitoring.test_deliver('issue', 'created', '{"issue": {"id": 90041, "title": "SIGSEGV", "level": "fatal", "shortId": "A-1",
    "permalink": "https://acme.sentry.io/90041", "assignedTo": {"name": "core team"}}}'),
  'opened open CRITICAL 1', 'a new issue opens an incident with its severity'
);

select results_eq(
  $$ select external_id, external_url, source, context -> 'sentry' from public.incidents
     where fingerprint = 'sentry:issue:90041' $$,
  $$ values ('90041', 'https://acme.sentry.io/90041', 'sentry', '{"short_id": "A-1", "assignee": "core team"}'::jsonb) $$,
  'the incident contains the metadata of Sentry'
);

select is(
  monitoring.test_deliver('issue', 'archived', '{"issue": {"id": "90041", "substatus": "archived_forever"}}'),
  'suppressed suppressed CRITICAL 1', 'an archived issue is suppressed'
);

select is(
  monitoring.test_deliver('issue', 'unresolved', '{"issue": {"id": "90041"}}'), 'reopened open CRITICAL 1', 'an unresolved issue is reopened'
);

select is(
  monitoring.test_deliver('activity_alert', 'triggered', '{"issue": {"id": "90041"}, "activity": {"type":
    "set_resolved_in_release", "details": {"user": {"name": "Ann"}}}}'),
  'resolved resolved CRITICAL 1', 'an alert about a resolution resolves it'
);

select is(
  monitoring.test_deliver('issue', 'assigned', '{"issue": {"id": "90041", "assignedTo": {"name": "Bo"}}}')
  || ', ' || monitoring.test_deliver('comment', 'created', '{"issue_id": 90041, "comment": "mail me at a@b.example"}')
  || ', ' || monitoring.test_deliver('activity_alert', 'triggered', '{"issue": {"id": "90041"}, "activity":
    {"type": "set_regression"}}'),
  'assigned resolved CRITICAL 1, commented resolved CRITICAL 1, reopened open CRITICAL 2',
  'assignments and comments are recorded, a regression reopens'
);

select results_eq(
  $$ select action, coalesce(details ->> 'by', details ->> 'resolved_by'), details ->> 'assignee', details ->> 'comment'
     from public.agent_actions
     where incident_id = (select id from public.incidents where fingerprint = 'sentry:issue:90041')
     order by id $$,
  $$ values
     ('incident_created', null, null, null),
     ('incident_suppressed', 'Emily Carter', null, null),
     ('incident_reopened', 'Emily Carter', null, null),
     ('incident_resolved', 'Ann', null, null),
     ('incident_assigned', 'Emily Carter', 'Bo', null),
     ('incident_commented', 'Emily Carter', null, 'mail me at [redacted]'),
     ('incident_reopened', 'Ann', null, null) $$,
  'all changes are in the audit trail with their actor'
);

select * from finish();

rollback;
