begin;

select plan(8);

create function monitoring.test_audit(entry_action text)
returns jsonb
language sql
set search_path = ''
as $$
  select jsonb_build_object('agent', agent_actions.agent, 'caller', agent_actions.caller) || agent_actions.details
  from public.agent_actions
  where agent_actions.action = test_audit.entry_action
    and agent_actions.created_at >= now()
  order by agent_actions.id desc
  limit 1
$$;

update public.system_config
set value = '{"email": true}'
where key = 'feature_flags';

update public.system_config
set value = '[{"email": "switch@example.com"}]'
where key = 'notification_recipients';

select set_config('request.jwt.claims', '{"role": "service_role"}', true);

insert into monitoring.running_actions (action_id, agent, kind, deadline)
select
  actions.id,
  'a' as agent,
  'investigate' as kind,
  clock_timestamp() + interval '1 hour' as deadline
from (
  select max(agent_actions.id) as id
  from public.agent_actions
) as actions;

select is(
  public.set_kill_switch(true, 'the deploys fail, key=sk_live_1234567890abcdef', 'ann')
  - 'stopped_actions',
  '{"is_kill_switch_on": true}', 'the switch is on'
);

select is_empty($$ select from monitoring.running_actions $$, 'no action goes on');

select is(
  monitoring.test_audit('kill_switch_on') - 'changes',
  '{"agent": "ann", "caller": "service_role", "entry": "kill_switch", "reason": "the deploys fail, key=[redacted]"}',
  'who and why are on the audit trail, without secrets'
);

insert into public.incidents (fingerprint, title, message, severity, category, rule)
values ('switch test', 't', 'm', 'CRITICAL', 'backend', 'r');

select isnt_empty(
  $$ select from public.email_tracking where recipient = 'switch@example.com' $$, 'notifications about incidents go on'
);

select is(
  public.set_kill_switch(false, 'fixed'), '{"is_kill_switch_on": false, "stopped_actions": 0}', 'the switch is released'
);

select is(
  monitoring.test_audit('kill_switch_off') -> 'changes' -> 'enabled', '{"from": true, "to": false}',
  'that is on the audit trail as well'
);

select throws_ok(
  $$ select public.set_kill_switch(true, ' ') $$, 'PT400', 'reason is missing', 'a reason is required'
);

select throws_ok(
  $$ select public.set_kill_switch(null, 'r') $$, 'PT400', 'enabled is missing', 'enabled is required'
);

select * from finish();

rollback;
