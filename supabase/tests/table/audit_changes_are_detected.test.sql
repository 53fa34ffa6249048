begin;

select plan(10);

insert into public.incidents (id, fingerprint, title, message, severity, category, rule)
values ('INC-1', 'chained', 't', 'm', 'LOW', 'backend', 'r'), ('INC-2', 'cut', 't', 'm', 'LOW', 'backend', 'r');

select public.add_incident_note('INC-1', 'note ' || number) from generate_series(1, 3) as numbers (number);

select public.add_incident_note('INC-2', 'the last');

select is(
  public.verify_audit('INC-1'),
  '{"incident_id": "INC-1", "is_intact": true, "problem": null, "actions": 4, "first_position": 1, "last_position": 4,
    "purged_actions": 0, "purged_until": null, "erased_actions": 0, "broken_action_id": null}'::jsonb,
  'an unchanged audit trail is intact'
);

-- As the owner of the table, who can disable its triggers.
alter table public.agent_actions disable trigger user;

-- The problem that the trail of INC-1 has after a statement, which is then rolled back.
create function monitoring.test_problem_after(statement text, incident_id text default 'INC-1')
returns text
language plpgsql
set search_path = ''
as $$
declare
  v_problem text;
begin
  begin
    execute statement;
    v_problem := public.verify_audit(test_problem_after.incident_id) ->> 'problem';
    raise exception using errcode = 'ZZ999', message = 'roll back';
  exception
    when sqlstate 'ZZ999' then
      return coalesce(v_problem, 'none');
  end;
end
$$;

select is(
  monitoring.test_problem_after(
    $$ update public.agent_actions set details = '{"note": "Note 2"}' where details ->> 'note' = 'note 2' $$
  ),
  'an action was changed, or the action before it is missing', 'one changed byte is detected'
);

select is(
  monitoring.test_problem_after(
    $$ update public.agent_actions set caller = 'user:eve' where details ->> 'note' = 'note 2' $$
  ),
  'an action was changed, or the action before it is missing', 'another caller is detected'
);

select is(
  monitoring.test_problem_after($$ delete from public.agent_actions where chain = 'INC-1' and chain_position = 3 $$),
  'an action was changed, or the action before it is missing', 'a missing action in between is detected'
);

select is(
  monitoring.test_problem_after($$ delete from public.agent_actions where chain = 'INC-1' and chain_position = 4 $$),
  'the last actions are missing', 'a missing last action is detected'
);

select is(
  monitoring.test_problem_after($$ delete from public.agent_actions where chain = 'INC-1' and chain_position = 1 $$),
  'an action was changed, or the action before it is missing', 'a missing first action is detected'
);

select is(
  monitoring.test_problem_after($$ delete from public.agent_actions where chain = 'INC-1' $$),
  'the last actions are missing', 'a missing chain is detected'
);

select is(
  monitoring.test_problem_after($$ delete from monitoring.audit_heads where chain = 'INC-2' $$, 'INC-2'),
  'the head of the chain is missing', 'a missing head is detected'
);

select is(
  monitoring.test_problem_after(
    $$ with deleted as (delete from public.agent_actions where chain = 'INC-2'), gone as (
         delete from monitoring.audit_heads where chain = 'INC-2'
       ) select 1 $$, 'INC-2'
  ),
  'the head of the chain is missing', 'a chain that is missing with its head is detected'
);

select throws_ok(
  $$ select public.verify_audit('INC-9') $$, 'PT404', 'there is no incident INC-9', 'an unknown incident is rejected with 404'
);

select * from finish();

rollback;
