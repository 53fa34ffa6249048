begin;

select plan(8);

insert into public.incidents (id, fingerprint, title, message, severity, category, rule)
values ('INC-1', 'chained', 't', 'm', 'LOW', 'backend', 'r');

select public.add_incident_note('INC-1', 'note ' || number) from generate_series(1, 3) as numbers (number);

select is(
  public.verify_audit('INC-1'),
  '{"incident_id": "INC-1", "is_intact": true, "actions": 4, "first_position": 1, "last_position": 4,
    "broken_action_id": null}'::jsonb,
  'an unchanged audit trail is intact'
);

alter table public.agent_actions disable trigger agent_actions_are_append_only;

update public.agent_actions
set details = '{"note": "Note 2"}'
where incident_id = 'INC-1' and details ->> 'note' = 'note 2';

select is(
  public.verify_audit('INC-1') - 'broken_action_id' - 'incident_id',
  '{"is_intact": false, "actions": 4, "first_position": 1, "last_position": 4}'::jsonb, 'one changed byte is detected'
);

select is(
  (public.verify_audit('INC-1') ->> 'broken_action_id')::bigint,
  (
    select id from public.agent_actions
    where incident_id = 'INC-1' and chain_position = 3
  ),
  'the changed action is returned'
);

update public.agent_actions
set details = '{"note": "note 2"}'
where incident_id = 'INC-1' and details ->> 'note' = 'Note 2';

delete from public.agent_actions
where incident_id = 'INC-1' and chain_position = 1;

select is(
  public.verify_audit('INC-1') - 'broken_action_id' - 'incident_id',
  '{"is_intact": true, "actions": 3, "first_position": 2, "last_position": 4}'::jsonb, 'the oldest actions may be purged'
);

delete from public.agent_actions
where incident_id = 'INC-1' and chain_position = 3;

select is(public.verify_audit('INC-1') -> 'is_intact', 'false', 'a missing action in between is detected');

select throws_ok(
  $$ update public.agent_actions set chain_position = null where incident_id = 'INC-1' $$,
  '23514', 'new row for relation "agent_actions" violates check constraint "chained_actions_have_a_hash"',
  'a hash without a chain position is rejected'
);

select throws_ok(
  $$ select public.verify_audit('INC-9') $$, 'PT404', 'there is no incident INC-9', 'an unknown incident is rejected with 404'
);

insert into public.incidents (id, fingerprint, title, message, severity, category, rule)
values ('INC-2', 'cut', 't', 'm', 'LOW', 'backend', 'r');

select public.add_incident_note('INC-2', 'the last');

delete from public.agent_actions
where incident_id = 'INC-2' and chain_position = 2;

select is(public.verify_audit('INC-2') -> 'is_intact', 'false', 'a missing last action is detected');

select * from finish();

rollback;
