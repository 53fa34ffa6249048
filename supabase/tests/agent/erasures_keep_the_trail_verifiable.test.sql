begin;

select plan(14);

select set_config('request.jwt.claims', '{"role": "authenticated", "sub": "eraser"}', true);

insert into public.incidents (id, fingerprint, title, message, severity, category, rule)
values ('INC-1', 'erased', 't', 'm', 'LOW', 'backend', 'r');

insert into public.agent_actions (agent, action, incident_id, details)
values ('a', 'looked', 'INC-1', '{"note": "of Anna Lee and Ben Roe"}'), ('a', 'looked', null, '{"note": "of Anna Lee"}');

select set_config('test.anchor', (monitoring.write_audit_anchor('2100-01-01')).hash, true);

create function monitoring.test_problem_after(statement text)
returns text
language plpgsql
set search_path = ''
as $$
declare
  v_problem text;
begin
  begin
    execute test_problem_after.statement;
    v_problem := coalesce(
      monitoring.verify_incident_chain('INC-1') ->> 'problem',
      (select verdict.problem from monitoring.verify_chain('user:eraser', now()) as verdict), 'none'
    );
    raise exception using errcode = 'ZZ999', message = 'roll back';
  exception
    when sqlstate 'ZZ999' then
      return v_problem;
    when insufficient_privilege then
      return sqlerrm;
  end;
end
$$;

select public.erase_personal_data('anna lee');

select is(
  (
    select jsonb_agg(details -> 'note' order by id) from public.agent_actions
    where action = 'looked' and caller = 'user:eraser'
  ),
  '["of [erased] and Ben Roe", "of [erased]"]', 'actions of an incident and others are erased'
);

select is(
  public.verify_audit('INC-1'),
  '{"incident_id": "INC-1", "is_intact": true, "problem": null, "actions": 3, "first_position": 1, "last_position": 3,
    "purged_actions": 0, "purged_until": null, "erased_actions": 1, "broken_action_id": null}'::jsonb,
  'the trail of the incident is intact and says that one action was erased'
);

select is(monitoring.test_problem_after('select 1'), 'none', 'so is the trail of the caller');

select is_empty(
  $$ select monitoring.find_anchor_problems('2100-01-01', current_setting('test.anchor'))
    union all select problem from monitoring.find_anchored_chain_problems('INC-1', now()) $$,
  'an anchor from before the erasure still agrees'
);

select is(
  monitoring.test_problem_after(
    $$ update public.agent_actions set details = '{"note": "of [erased] and Ben Doe"}' where details ->> 'note' like '%Roe' $$
  ),
  'agent_actions is append-only: update is refused', 'nobody changes more of an action'
);

select is(
  monitoring.test_problem_after(
    $$ update public.agent_actions set details = '{"note": "of [erased] and [erased]"}', content_salt = gen_random_uuid()
      from (select set_config('monitoring.erased_person', monitoring.match_person('ben roe'), true)) as setting
      where details ->> 'note' like '%Roe' $$
  ),
  'agent_actions is append-only: update is refused', 'an erasure that is not recorded is refused'
);

select public.erase_personal_data('ben roe');

select is(
  public.verify_audit('INC-1') - array['actions', 'last_position'],
  '{"incident_id": "INC-1", "is_intact": true, "problem": null, "first_position": 1, "purged_actions": 0, "purged_until": null,
    "erased_actions": 1, "broken_action_id": null}'::jsonb,
  'an action can be erased twice'
);

-- As the owner of the table, who can disable its triggers.
alter table public.agent_actions disable trigger user;

select is(
  monitoring.test_problem_after(
    $$ update public.agent_actions set details = '{"note": "of Anna Lee and [erased]"}' where details ->> 'note' like '%and%' $$
  ),
  'an action was changed, or the action before it is missing', 'an erasure that was taken back is detected'
);

select is(
  monitoring.test_problem_after(
    $$ update public.agent_actions set details = '{"note": "[erased]", "is": "forged"}', content_salt = gen_random_uuid()
      where action = 'incident_created' and incident_id = 'INC-1' $$
  ),
  'an action was changed, or the action before it is missing', 'a change that only looks like an erasure is detected'
);

select is(
  monitoring.test_problem_after(
    $$ update public.agent_actions set details = jsonb_set(details, '{actions}', '{}')
      where action = 'personal_data_erased' and incident_id = 'INC-1' $$
  ),
  'an action was changed, or the action before it is missing', 'a changed record is detected'
);

select is(
  monitoring.test_problem_after(
    $$ update public.agent_actions set details = '{"is": "forged"}' where action = 'looked' and incident_id = 'INC-1';
      update public.agent_actions
      set details = jsonb_build_object('actions', monitoring.describe_erased_actions(array(
        select agent_actions from public.agent_actions where action = 'looked' and incident_id = 'INC-1'
      )))
      where id = (select max(id) from public.agent_actions where action = 'personal_data_erased' and incident_id = 'INC-1') $$
  ),
  'an action was changed, or the action before it is missing', 'a record that was changed to agree is detected'
);

alter table public.agent_actions enable trigger user;

insert into public.agent_actions (agent, action, incident_id, details)
select
  'a' as agent,
  'personal_data_erased' as action,
  'INC-1' as incident_id,
  jsonb_build_object('actions', jsonb_build_object(id, hash)) as details
from public.agent_actions
where action = 'incident_created' and incident_id = 'INC-1';

select is(
  public.verify_audit('INC-1') ->> 'problem', 'an action was changed, or the action before it is missing',
  'a record of an erasure that did not happen is detected'
);

select throws_ok(
  $$ select public.erase_personal_data('erased') $$, 'PT400',
  'person is a word that the database itself writes: erasing it would damage every row', 'the marks are not erased'
);

select throws_ok(
  $$ select public.erase_personal_data(' ann ') $$, 'PT400', 'person must have 4 to 320 characters', 'a short text is refused'
);

select * from finish();

rollback;
