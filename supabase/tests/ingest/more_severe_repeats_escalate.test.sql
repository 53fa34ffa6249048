begin;

select plan(4);

select public.report_error('{"error": {"message": "odd"}, "fingerprint": "own", "severity": "LOW"}');

select is(
  public.report_error('{"error": {"message": "odd"}, "fingerprint": "own", "severity": "critical"}') ->> 'severity',
  'CRITICAL',
  'a more severe repeat raises the severity'
);

select is(
  public.report_error('{"error": {"message": "odd"}, "fingerprint": "own", "severity": "LOW"}') ->> 'severity',
  'CRITICAL',
  'a less severe repeat does not lower it'
);

select results_eq(
  $$ select action, details -> 'from', details -> 'to'
     from public.agent_actions join public.incidents on incidents.id = agent_actions.incident_id
     where incidents.context ->> 'fingerprint' = 'own'
     order by agent_actions.id $$,
  $$ values ('incident_created', null, '"open"'::jsonb), ('incident_escalated', '"LOW"'::jsonb, '"CRITICAL"'::jsonb) $$,
  'the escalation is in the audit trail once'
);

select results_eq(
  $$ select occurrence_count, rule from public.incidents where context ->> 'fingerprint' = 'own' $$,
  $$ values (3::bigint, 'caller') $$,
  'all three are counted'
);

select * from finish();

rollback;
