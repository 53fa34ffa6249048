begin;

select plan(3);

select set_config('request.jwt.claims', '{"role": "authenticated", "sub": "changed"}', true);

insert into public.agent_actions (agent, action, created_at, details)
values ('a', 'looked', now() - interval '100 days', '{"note": "[erased]"}');

select set_config('request.jwt.claims', '{"role": "authenticated", "sub": "eraser"}', true);

insert into public.agent_actions (agent, action, created_at, details)
select
  'a' as agent,
  'personal_data_erased' as action,
  now() - interval '200 days' as created_at,
  jsonb_build_object(
    'actions', jsonb_build_object(id, monitoring.hash_action_content(agent_actions))
  ) as details
from public.agent_actions
where caller = 'user:changed';

update public.system_config
set value = '{"agent_actions_days": 150}'
where key = 'retention';

select monitoring.purge_agent_actions(5000);

select results_eq(
  $$ select caller from public.agent_actions
    where caller in ('user:changed', 'user:eraser') and action not in ('audit_purged', 'config_changed') order by caller $$,
  array['user:changed', 'user:eraser'], 'an erasure past its retention is kept while an action that it changed is'
);

update public.system_config
set value = '{"agent_actions_days": 50}'
where key = 'retention';

select monitoring.purge_agent_actions(5000);

select monitoring.purge_agent_actions(5000);

select is_empty(
  $$ select from public.agent_actions
    where caller in ('user:changed', 'user:eraser') and action not in ('audit_purged', 'config_changed') $$, 'then both are deleted'
);

select is_empty(
  $$ select verdict.problem from (values ('user:changed'), ('user:eraser')) as chains (chain)
    cross join monitoring.verify_chain(chains.chain, monitoring.find_purge_cutoff()) as verdict
    where verdict.problem is not null $$,
  'and the chains are intact'
);

select * from finish();

rollback;
