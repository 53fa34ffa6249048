begin;

select plan(8);

insert into public.incidents (id, fingerprint, title, message, severity, category, rule)
values ('INC-1', 'lives', 't', 'm', 'LOW', 'backend', 'r');

select set_config('request.jwt.claims', '{"role": "authenticated", "agent": "fe-agent"}', true);

set local role authenticated;

select is(
  (public.acknowledge_incident('INC-1')).acknowledged_by, 'fe-agent', 'an open incident is acknowledged by the agent in the token'
);

select is(
  (public.suppress_incident('INC-1', now() + interval '1 hour', 'known, see password=hunter2')).status, 'suppressed',
  'it is suppressed for an hour'
);

select is((public.reopen_incident('INC-1', 'it is back')).status, 'open', 'it is reopened');

select is(
  (public.resolve_incident('INC-1', 'restarted the pool')).resolution, 'restarted the pool', 'it is resolved'
);

select is((public.reopen_incident('INC-1', 'did not hold')).resolved_at, null, 'it is reopened after its resolution');

select is(
  (public.set_incident_severity('INC-1', 'MEDIUM', 'nobody is hurt')).severity, 'MEDIUM', 'its severity is set'
);

select ok(public.add_incident_note('INC-1', 'seen on two hosts') > 0, 'a note is added');

reset role;

select results_eq(
  $$ select agent, action, details ->> 'from', details ->> 'to', coalesce(details ->> 'reason', details ->> 'note')
     from public.agent_actions where incident_id = 'INC-1' order by id $$,
  $$ values
     ('postgres', 'incident_created', null, 'open', null),
     ('fe-agent', 'incident_acknowledged', 'open', 'acknowledged', null),
     ('fe-agent', 'incident_suppressed', 'acknowledged', 'suppressed', 'known, see password=[redacted]'),
     ('fe-agent', 'incident_reopened', 'suppressed', 'open', 'it is back'),
     ('fe-agent', 'incident_resolved', 'open', 'resolved', null),
     ('fe-agent', 'incident_reopened', 'resolved', 'open', 'did not hold'),
     ('fe-agent', 'incident_severity_frozen', 'LOW', 'MEDIUM', 'nobody is hurt'),
     ('fe-agent', 'incident_escalated', 'LOW', 'MEDIUM', 'nobody is hurt'),
     ('fe-agent', 'incident_noted', null, null, 'seen on two hosts') $$,
  'all changes are in the audit trail: who, what, from, to, why'
);

select * from finish();

rollback;
