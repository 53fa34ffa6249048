begin;

select plan(8);

create function pg_temp.report(report jsonb, sender text default 'server:tap-resolve')
returns jsonb
language sql
as $$
  select public.ingest_events(jsonb_build_array(jsonb_build_object('sender', sender, 'event', report))) -> 0;
$$;

create function pg_temp.is_live()
returns boolean
language sql
as $$
  select exists (
    select
    from public.incidents
    where fingerprint = monitoring.read_fingerprint('{"fingerprint": "tap resolve"}', 'server:tap-resolve')
      and status <> 'resolved'
  );
$$;

select is(
  pg_temp.report('{"fingerprint": "tap resolve", "status": "resolved"}'),
  '{"success": true, "incident_id": null, "severity": null, "category": null, "status": null, "occurrence_count": null,
    "duplicate": true}'::jsonb,
  'without an incident nothing is changed'
);

select is(
  pg_temp.report('{"error": {"message": "down"}, "fingerprint": "tap resolve", "status": "FIRING"}') ->> 'status', 'open',
  'firing is the status of a report of an error'
);

select is(
  pg_temp.report('{"fingerprint": "tap resolve", "status": "resolved"}', 'server:tap-other') ->> 'incident_id', null,
  'another sender has no such incident'
);

select is(
  pg_temp.report('{"fingerprint": "tap resolve", "status": "Resolved"}') - array['incident_id', 'severity', 'category'],
  '{"success": true, "status": "resolved", "occurrence_count": 1, "duplicate": false}'::jsonb,
  'its own sender resolves it'
);

select is(
  pg_temp.report('{"fingerprint": "tap resolve", "status": "resolved"}') -> 'duplicate', 'true'::jsonb,
  'the next resolution changes nothing'
);

select results_eq(
  $$
    select incidents.resolved_by, incidents.resolution, agent_actions.agent, agent_actions.details ->> 'resolved_by'
    from public.incidents
    join public.agent_actions on agent_actions.incident_id = incidents.id
    where incidents.fingerprint = monitoring.read_fingerprint('{"fingerprint": "tap resolve"}', 'server:tap-resolve')
      and agent_actions.action = 'incident_resolved'
  $$,
  $$
    values (
      'server:tap-resolve', 'Reported as resolved.', 'server:tap-resolve', 'server:tap-resolve'
    )
  $$,
  'the sender resolved it, in the audit trail too, once'
);

select is(
  pg_temp.report('{"error": {"message": "down"}, "fingerprint": "tap resolve"}') ->> 'status', 'open',
  'a later report reopens it'
);

select ok(pg_temp.is_live(), 'it is live again');

select finish();

rollback;
