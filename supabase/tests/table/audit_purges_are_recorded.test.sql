begin;

select plan(10);

insert into public.incidents (id, fingerprint, title, message, severity, category, rule)
values ('INC-1', 'old', 't', 'm', 'LOW', 'backend', 'r');

alter table public.agent_actions disable trigger user;

delete from public.agent_actions
where chain = 'INC-1';

delete from monitoring.audit_heads
where chain = 'INC-1';

alter table public.agent_actions enable trigger user;

insert into public.agent_actions (agent, action, incident_id, created_at)
values
('a', 'first', 'INC-1', now() - interval '500 days'),
('a', 'second', 'INC-1', now() - interval '400 days'),
('a', 'third', 'INC-1', now() - interval '300 days');

select throws_ok(
  $$ delete from public.agent_actions where chain = 'INC-1' and chain_position = 2 $$,
  '42501', 'the actions of INC-1 cannot be deleted out of order', 'an action past its retention is not deleted before older ones'
);

select ok(monitoring.purge_agent_actions(5000) >= 2, 'actions past their retention are deleted');

select is(
  public.verify_audit('INC-1') - 'purged_until',
  '{"incident_id": "INC-1", "is_intact": true, "problem": null, "actions": 1, "first_position": 3, "last_position": 3,
    "purged_actions": 2, "erased_actions": 0, "broken_action_id": null}'::jsonb,
  'a trail without what retention deleted is intact'
);

select is(
  (public.verify_audit('INC-1') ->> 'purged_until')::timestamptz, now() - interval '400 days',
  'it says until when actions were deleted'
);

select is(
  (
    select details ->> 'agent_actions_days' from public.agent_actions
    where action = 'audit_purged'
    order by id desc limit 1
  ),
  '365', 'the purge is an action itself'
);

select is(
  (
    select
      (answer ->> 'purged_actions')::integer >= 2
      and (answer ->> 'purged_until')::timestamptz >= now() - interval '400 days'
      and (answer ->> 'last_purged_at')::timestamptz = now()
    from public.verify_audit() as answer
  ),
  true, 'so does the whole trail, and when'
);

update public.system_config
set value = '{"agent_actions_days": 200}'
where key = 'retention';

select ok(monitoring.purge_agent_actions(5000) >= 1, 'a shorter retention deletes more');

update public.system_config
set value = '{"agent_actions_days": 365}'
where key = 'retention';

select is(public.verify_audit('INC-1') -> 'is_intact', 'true', 'what it deleted is missing rightly when retention is raised again');

insert into public.agent_actions (agent, action, incident_id, created_at)
values ('a', 'fourth', 'INC-1', now() - interval '100 days');

-- As the owner of the table, who can disable its triggers.
alter table public.agent_actions disable trigger user;

delete from public.agent_actions
where chain = 'INC-1';

select is(public.verify_audit('INC-1') ->> 'problem', 'the last actions are missing', 'what retention keeps must exist');

update monitoring.audit_heads
set
  purged_position = 4,
  purged_hash = hash,
  purged_until = now() - interval '100 days'
where chain = 'INC-1';

select is(
  public.verify_audit('INC-1') ->> 'problem', 'the first actions are missing although retention keeps them',
  'a purge of actions within retention is detected'
);

select * from finish();

rollback;
