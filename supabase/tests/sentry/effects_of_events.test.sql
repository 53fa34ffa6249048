begin;

select plan(7);

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
  monitoring.test_deliver('issue', 'created', '{"issue": {"id": 90042, "title": "KeyError: a"}}'),
  'opened open MEDIUM 1', 'an issue opens an incident'
);

select is(
  monitoring.test_deliver('event_alert', 'triggered', '{"triggered_rule": "all", "event": {"event_id": "e1", "issue_id": "90042",
    "level": "error", "exception": {"values": [{"type": "KeyError", "value": "a", "stacktrace": {"frames":
    [{"function": "f", "filename": "f.py"}]}}]}}}'),
  'escalated open HIGH 2', 'an alert about it counts and adds details'
);

select is(
  (
    select stack from public.incidents
    where fingerprint = 'sentry:issue:90042'
  ),
  'at f (f.py)',
  'the incident has the stack'
);

select is(
  monitoring.test_deliver('event_alert', 'triggered', '{"triggered_rule": "all", "event": {"event_id": "e1",
    "issue_id": "90042"}}')
  || ', ' || monitoring.test_deliver('event_alert', 'triggered', '{"triggered_rule": "all", "event": {"event_id": "e2",
    "issue_id": "90042"}}')
  || ', ' || monitoring.test_deliver('error', 'created', '{"error": {"event_id": "e3", "web_url":
    "https://acme.sentry.io/organizations/acme/issues/90042/events/e3/"}}'),
  'repeated open HIGH 2, counted open HIGH 3, counted open HIGH 4',
  'the same event of the same rule counts once, other events count'
);

select is(
  monitoring.test_deliver('issue', 'resolved', '{"issue": {"id": "90042"}}')
  || ', ' || monitoring.test_deliver('error', 'created', jsonb_build_object('error', jsonb_build_object(
    'event_id', 'e4', 'issue_id', 90042, 'datetime', now() - interval '1 minute'
  )))
  || ', ' || monitoring.test_deliver('error', 'created', '{"error": {"event_id": "e5", "issue_id": 90042}}'),
  'resolved resolved HIGH 4, late resolved HIGH 5, reopened open HIGH 6',
  'an event before the resolution does not reopen the incident, a later one does'
);

select is(
  monitoring.test_deliver('legacy_plugin', null, null) || ', ' || (
    public.ingest_deliveries('[{"resource": "legacy_plugin", "body_hash": "l1", "body": {"id": "90042", "project": "p", "level":
      "error", "message": "", "culprit": "c", "url": "https://s.example/issues/90042/", "triggering_rules": ["r"], "event":
      {"title": "T: v", "metadata": {"type": "T", "value": "v"}}}}]') #>> '{0,effect}'
  ),
  'recorded, counted', 'the legacy plugin reports the same issue'
);

select is(
  (
    select string_agg(monitoring.test_deliver(resource, action, '{"issue": {"id": "90042"}, "issue_id": 90042}'), ' ')
    from (
      values ('installation', 'created'), ('comment', 'deleted'), ('seer', 'pr_created'), ('unheard_of', null),
      ('event_alert', 'triggered'), ('issue', 'unheard_of'), ('preprod_artifact', 'x')
    ) as given (resource, action)
  ),
  'recorded recorded recorded recorded recorded recorded recorded', 'other deliveries are recorded without an effect'
);

select * from finish();

rollback;
