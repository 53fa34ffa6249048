begin;

select plan(4);

select is(
  monitoring.count_begun_actions('nobody at all'), 0::bigint, 'an agent that never acted has begun nothing'
);

update public.system_config
set value = '{"agent_actions_per_hour": 2, "all_agent_actions_per_hour": 100000}'
where key = 'rate_limits';

select results_eq(
  $$ select public.begin_agent_action('eager', 'investigate') -> 'allowed' from generate_series(1, 3) $$,
  $$ values ('true'::jsonb), ('true'), ('false') $$,
  'an agent begins as many actions an hour as it may'
);

update public.system_config
set value = '{"agent_actions_per_hour": 100, "all_agent_actions_per_hour": 2}'
where key = 'rate_limits';

select is(
  public.begin_agent_action('another', 'investigate') #>> '{reasons,0}' like 'global_rate_limit: %', true,
  'and all of them together'
);

select throws_ok(
  $$ insert into monitoring.running_actions (action_id, agent, kind, deadline)
     select max(id), 'x', 'deploy', now() - interval '1 day' from public.agent_actions $$,
  '23514', 'new row for relation "running_actions" violates check constraint "deadline_is_after_the_beginning"',
  'a deadline lies ahead'
);

select * from finish();

rollback;
