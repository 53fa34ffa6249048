begin;

select plan(7);

insert into public.incidents (
  id, fingerprint, title, message, severity, category, rule, status, first_seen, last_seen, resolved_at, resolved_by
)
values (
  'INC-1', monitoring.read_fingerprint('{"fingerprint": "tap late"}', 'server:tap-late'), 't', 'm', 'LOW', 'backend', 'r',
  'resolved', now() - interval '3 hours', now() - interval '2 hours', now() - interval '1 hour', 'ann'
);

create function pg_temp.report(report jsonb, envelope jsonb default '{}')
returns jsonb
language sql
as $$
  select public.ingest_events(jsonb_build_array(envelope || jsonb_build_object(
    'sender', 'server:tap-late',
    'event', '{"error": {"message": "again"}, "fingerprint": "tap late", "severity": "CRITICAL"}' || report
  ))) -> 0;
$$;

select is(
  pg_temp.report('{}', jsonb_build_object('received_at', now() - interval '90 minutes')) - array['category'],
  '{"success": true, "incident_id": "INC-1", "severity": "LOW", "status": "resolved", "occurrence_count": 2,
    "duplicate": true}'::jsonb,
  'a spooled report that is older than the resolution is counted, and reopens nothing'
);

select results_eq(
  $$ select status::text, resolved_by, last_seen, message from public.incidents where id = 'INC-1' $$,
  $$ values ('resolved', 'ann', now() - interval '90 minutes', 'again') $$,
  'it is the newest occurrence'
);

select is(
  pg_temp.report(jsonb_build_object('timestamp', now() - interval '4 hours')) ->> 'status', 'resolved',
  'a timestamp before the resolution counts as well'
);

select results_eq(
  $$ select first_seen, last_seen, message from public.incidents where id = 'INC-1' $$,
  $$ values (now() - interval '4 hours', now() - interval '90 minutes', 'again') $$,
  'first_seen moves back, last_seen does not'
);

select is(
  public.ingest_events(jsonb_build_array(
    jsonb_build_object('sender', 'server:tap-late', 'event', jsonb_build_object(
      'error', '{"message": "late"}'::jsonb, 'fingerprint', 'tap late', 'severity', 'CRITICAL',
      'timestamp', now() - interval '80 minutes'
    )),
    jsonb_build_object('sender', 'server:tap-late', 'event', jsonb_build_object(
      'error', '{"message": "after"}'::jsonb, 'fingerprint', 'tap late', 'timestamp', now() - interval '30 minutes'
    ))
  )) #>> '{1,status}', 'open', 'a later occurrence reopens the incident'
);

select results_eq(
  $$ select title, reopened_at, open_before, first_seen from public.incidents where id = 'INC-1' $$,
  $$ values ('after', now() - interval '30 minutes', interval '3 hours', now() - interval '4 hours') $$,
  'it is described by that occurrence, and open since then'
);

update public.incidents
set status = 'resolved', resolved_at = now() - interval '25 minutes'
where incidents.id = 'INC-1';

select pg_temp.report('{}', jsonb_build_object('received_at', now() - interval '26 minutes'));

update public.incidents
set first_seen = now() - interval '9 days', reopened_at = null, open_before = '0', resolved_at = now() - interval '8 days'
where incidents.id = 'INC-1';

select is(
  (
    select array_agg(pg_temp.report('{}', jsonb_build_object('received_at', moment)) ->> 'incident_id' = 'INC-1')
    from unnest(array[now() - interval '8.5 days', now() - interval '6 days']) as moments (moment)
  ), array[true, false], 'the reopen window is that before the occurrence'
);

select * from finish();

rollback;
