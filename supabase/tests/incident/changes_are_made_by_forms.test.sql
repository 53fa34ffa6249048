begin;

select plan(8);

insert into public.error_knowledge (pattern, signature, category, severity, solution)
values (
  'tap form message', monitoring.find_signature('tap form message', null), 'backend', 'LOW', 'restart it'
);

insert into public.incidents (id, fingerprint, title, message, severity, category, rule)
select
  'INC-' || number as id,
  'tap form ' || number as fingerprint,
  't' as title,
  'tap form message' as message,
  'LOW' as severity,
  'backend' as category,
  'r' as rule
from generate_series(1, 3) as numbers (number);

select set_config('request.jwt.claims', '{"role": "authenticated", "sub": "1", "email": "ann@example.com"}', true);

select is(
  public.change_incident('INC-1', '{"action": "acknowledge", "reason": "", "note": null}'),
  '{"incident_id": "INC-1", "status": "acknowledged", "severity": "LOW", "action": "acknowledge"}',
  'acknowledge: members that are empty are absent'
);

select is(
  public.change_incident(
    'INC-1', '{"action": "SET_SEVERITY", "severity": "critical", "seen_severity": "low", "reason": "checkout is down"}'
  ),
  '{"incident_id": "INC-1", "status": "acknowledged", "severity": "CRITICAL", "action": "set_severity"}',
  'set_severity, in any case'
);

select is(
  public.change_incident('INC-1', '{"action": "note", "note": "seen on two hosts"}') ->> 'status', 'acknowledged', 'note'
);

select is(
  public.change_incident(
    'INC-1',
    jsonb_build_object(
      'action', 'resolve', 'resolution', 'restarted it', 'knowledge_id', currval('public.error_knowledge_id_seq')::text,
      'has_worked', 'Yes'
    )
  ) ->> 'status',
  'resolved', 'resolve, with the known fix that was used and whether it worked'
);

select is(
  public.change_incident('INC-1', '{"action": "reopen", "reason": "it is back"}') ->> 'status', 'open', 'reopen'
);

select public.change_incident('INC-2', '{"action": "suppress", "minutes": "240", "reason": "known"}');

select results_eq(
  $$
    select incidents.status::text, date_trunc('minute', incidents.suppressed_until - clock_timestamp() + interval '30 seconds')
    from public.incidents
    where incidents.id = 'INC-2'
  $$,
  $$ values ('suppressed', interval '4 hours') $$,
  'suppress for minutes'
);

select public.change_incident('INC-2', '{"action": "reopen", "reason": "r"}');

set local timezone = 'Asia/Tokyo';

-- A form sends minutes too: what was typed is meant.
select public.change_incident(
  'INC-2', '{"action": "suppress", "minutes": "60", "until": "2100-01-02T03:04", "reason": "r"}'
);

select public.change_incident('INC-3', '{"action": "suppress", "until": "2100-01-02 03:04+01", "reason": "r"}');

select results_eq(
  $$
    select incidents.suppressed_until
    from public.incidents
    where incidents.id in ('INC-2', 'INC-3')
    order by incidents.id
  $$,
  $$ values ('2100-01-02T03:04:00Z'::timestamptz), ('2100-01-02T02:04:00Z'::timestamptz) $$,
  'suppress until a time, in UTC unless it names its zone'
);

select results_eq(
  $$
    select agent, action, details ->> 'has_worked'
    from public.agent_actions
    where incident_id = 'INC-1' and action <> 'incident_created'
    order by id
  $$,
  $$ values
     ('ann@example.com', 'incident_acknowledged', null), ('ann@example.com', 'incident_severity_frozen', null),
     ('ann@example.com', 'incident_escalated', null), ('ann@example.com', 'incident_noted', null),
     ('ann@example.com', 'incident_resolved', 'true'), ('ann@example.com', 'fix_outcome_recorded', 'true'),
     ('ann@example.com', 'incident_reopened', null) $$,
  'the audit trail names the user of the token'
);

select * from finish();

rollback;
