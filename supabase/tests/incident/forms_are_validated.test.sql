begin;

select plan(3);

create function pg_temp.refusal(incident_id text, change jsonb)
returns text
language plpgsql
as $$
declare
  v_field text;
begin
  perform public.change_incident(refusal.incident_id, refusal.change);
  return 'done';
exception
  when sqlstate 'PT400' or sqlstate 'PT404' or sqlstate 'PT409' or sqlstate 'PT413' then
    get stacked diagnostics v_field = pg_exception_detail;
    return concat_ws(' ', sqlstate, v_field) || ': ' || sqlerrm;
end
$$;

insert into public.incidents (id, fingerprint, title, message, severity, category, rule)
values ('INC-1', 'tap validated', 't', 'm', 'LOW', 'backend', 'r');

select results_eq(
  $$
    select given.change, pg_temp.refusal('INC-1', given.change::jsonb) as refusal
    from (values
      (null), ('[]'), ('"note"'), ('{}'), ('{"action": ""}'), ('{"action": "delete"}'), ('{"action": ["note"]}'),
      ('{"action": "acknowledge", "status": "resolved"}'), ('{"action": "note", "operator": ""}'),
      ('{"action": "acknowledge", "reason": "r"}'), ('{"action": "note", "note": {"a": 1}}'),
      ('{"action": "note"}'), ('{"action": "note", "note": " \n "}'),
      ('{"action": "resolve"}'), ('{"action": "resolve", "resolution": "r", "knowledge_id": "1.5"}'),
      ('{"action": "resolve", "resolution": "r", "knowledge_id": "99999999999999999999"}'),
      ('{"action": "resolve", "resolution": "r", "knowledge_id": "999999999"}'),
      ('{"action": "resolve", "resolution": "r", "has_worked": "maybe"}'),
      ('{"action": "resolve", "resolution": "r", "has_worked": false}'),
      ('{"action": "reopen"}')
    ) as given (change)
  $$,
  $$ values
     (null, 'PT400 change: change must be a JSON object'),
     ('[]', 'PT400 change: change must be a JSON object'),
     ('"note"', 'PT400 change: change must be a JSON object'),
     ('{}', 'PT400 action: action is missing'),
     ('{"action": ""}', 'PT400 action: action is missing'),
     ('{"action": "delete"}', 'PT400 action: action is unknown'),
     ('{"action": ["note"]}', 'PT400 action: action must be a text'),
     ('{"action": "acknowledge", "status": "resolved"}', 'PT400 status: status is unknown'),
     ('{"action": "note", "operator": ""}', 'PT400 operator: operator is unknown'),
     ('{"action": "acknowledge", "reason": "r"}', 'PT400 reason: acknowledge takes no reason'),
     ('{"action": "note", "note": {"a": 1}}', 'PT400 note: note must be a text'),
     ('{"action": "note"}', 'PT400 note: note is missing'),
     ('{"action": "note", "note": " \n "}', 'PT400 note: note is missing'),
     ('{"action": "resolve"}', 'PT400 resolution: resolution is missing'),
     ('{"action": "resolve", "resolution": "r", "knowledge_id": "1.5"}', 'PT400 knowledge_id: knowledge_id is no id'),
     ('{"action": "resolve", "resolution": "r", "knowledge_id": "99999999999999999999"}',
      'PT400 knowledge_id: knowledge_id is no id'),
     ('{"action": "resolve", "resolution": "r", "knowledge_id": "999999999"}',
      'PT404 knowledge_id: there is no knowledge 999999999'),
     ('{"action": "resolve", "resolution": "r", "has_worked": "maybe"}', 'PT400 has_worked: has_worked is unknown'),
     ('{"action": "resolve", "resolution": "r", "has_worked": false}',
      'PT400 knowledge_id: the known fix that was used is missing'),
     ('{"action": "reopen"}', 'PT400 reason: reason is missing') $$,
  'actions, members and what each action needs'
);

select results_eq(
  $$
    select given.members, pg_temp.refusal('INC-1', '{"action": "suppress", "reason": "r"}' || given.members::jsonb) as refusal
    from (values
      ('{}'), ('{"reason": "", "minutes": "1"}'), ('{"minutes": "0"}'), ('{"minutes": "-60"}'), ('{"minutes": "1.5"}'),
      ('{"minutes": "1e3"}'), ('{"minutes": "525601"}'), ('{"minutes": "9999999999"}'),
      ('{"minutes": "60", "until": "2001-01-01"}'), ('{"until": "tomorrow"}'), ('{"until": "infinity"}'),
      ('{"until": "2026-13-01"}'), ('{"until": "2001-01-01T00:00"}'), ('{"until": "294277-01-01"}')
    ) as given (members)
  $$,
  $$ values
     ('{}', 'PT400 minutes: minutes is missing'),
     ('{"reason": "", "minutes": "1"}', 'PT400 reason: reason is missing'),
     ('{"minutes": "0"}', 'PT400 minutes: minutes must be a whole number from 1 to 525600'),
     ('{"minutes": "-60"}', 'PT400 minutes: minutes must be a whole number from 1 to 525600'),
     ('{"minutes": "1.5"}', 'PT400 minutes: minutes must be a whole number from 1 to 525600'),
     ('{"minutes": "1e3"}', 'PT400 minutes: minutes must be a whole number from 1 to 525600'),
     ('{"minutes": "525601"}', 'PT400 minutes: minutes must be a whole number from 1 to 525600'),
     ('{"minutes": "9999999999"}', 'PT400 minutes: minutes must be a whole number from 1 to 525600'),
     ('{"minutes": "60", "until": "2001-01-01"}', 'PT400 until: until must be in the future'),
     ('{"until": "tomorrow"}', 'PT400 until: until is no time'),
     ('{"until": "infinity"}', 'PT400 until: until is no time'),
     ('{"until": "2026-13-01"}', 'PT400 until: until is no time'),
     ('{"until": "2001-01-01T00:00"}', 'PT400 until: until must be in the future'),
     ('{"until": "294277-01-01"}', 'PT400 until: until is no time') $$,
  'until when an incident is suppressed'
);

select results_eq(
  $$
    select given.members, pg_temp.refusal('INC-1', '{"action": "set_severity"}' || given.members::jsonb) as refusal
    from (values
      ('{"reason": "r"}'), ('{"severity": "urgent", "reason": "r"}'), ('{"severity": "HIGH"}'),
      ('{"severity": "HIGH", "reason": "r", "seen_severity": "urgent"}'),
      ('{"severity": "HIGH", "reason": "r", "seen_severity": ""}')
    ) as given (members)
  $$,
  $$ values
     ('{"reason": "r"}', 'PT400 severity: severity is missing'),
     ('{"severity": "urgent", "reason": "r"}', 'PT400 severity: severity is unknown'),
     ('{"severity": "HIGH"}', 'PT400 reason: reason is missing'),
     ('{"severity": "HIGH", "reason": "r", "seen_severity": "urgent"}', 'PT400 seen_severity: seen_severity is unknown'),
     ('{"severity": "HIGH", "reason": "r", "seen_severity": ""}', 'done') $$,
  'the severity'
);

select * from finish();

rollback;
