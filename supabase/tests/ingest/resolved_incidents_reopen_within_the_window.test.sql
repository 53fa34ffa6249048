begin;

select plan(5);

insert into public.incidents (
  id, fingerprint, title, message, severity, category, rule, status, first_seen, last_seen, resolved_at, resolved_by,
  resolution
)
values
(
  'INC-1', monitoring.read_fingerprint('{"fingerprint": "recent"}', 'server:default'), 't', 'm', 'CRITICAL', 'backend', 'r', 'resolved', now() - interval '3 days',
  now() - interval '2 days', now() - interval '23 hours', 'ann', 'restarted'
),
(
  'INC-2', monitoring.read_fingerprint('{"fingerprint": "long ago"}', 'server:default'), 't', 'm', 'CRITICAL', 'backend', 'r', 'resolved', now() - interval '3 days',
  now() - interval '2 days', now() - interval '25 hours', 'ann', 'restarted'
);

select is(
  public.report_error('{"error": {"message": "again"}, "fingerprint": "recent"}') ->> 'incident_id', 'INC-1',
  'a repeat within the window reopens the incident'
);

select results_eq(
  $$ select status::text, occurrence_count, resolved_at, resolved_by, resolution
     from public.incidents where id = 'INC-1' $$,
  $$ values ('open', 2::bigint, null::timestamptz, null::text, null::text) $$,
  'it is open and counted'
);

select results_eq(
  $$ select action, details ->> 'resolution' from public.agent_actions where incident_id = 'INC-1'
     and action in ('incident_reopened', 'incident_resolved') $$,
  $$ values ('incident_reopened', 'restarted') $$,
  'the audit trail keeps the previous resolution'
);

select isnt(
  public.report_error('{"error": {"message": "again"}, "fingerprint": "long ago"}') ->> 'incident_id', 'INC-2',
  'a repeat after the window opens another incident'
);

select is(
  (
    select status::text from public.incidents
    where id = 'INC-2'
  ),
  'resolved',
  'the old incident stays resolved'
);

select * from finish();

rollback;
