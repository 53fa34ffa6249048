begin;

select plan(4);

-- A caller of its own: other tests act as postgres.
select set_config('request.jwt.claims', '{"role": "authenticated", "sub": "limited"}', true);

select is(
  monitoring.count_begun_actions('nobody at all'), 0::bigint, 'an agent without actions has a count of 0'
);

update public.system_config
set value = '{"agent_actions_per_hour": 2, "all_agent_actions_per_hour": 100000}'
where key = 'rate_limits';

select results_eq(
  $$ select public.begin_agent_action('eager', 'investigate') -> 'allowed' from generate_series(1, 3) $$,
  $$ values ('true'::jsonb), ('true'), ('false') $$,
  'the actions of an agent per hour are limited'
);

update public.system_config
set value = '{"agent_actions_per_hour": 100, "all_agent_actions_per_hour": 2}'
where key = 'rate_limits';

select is(
  public.begin_agent_action('another', 'investigate') #>> '{reasons,0}' like 'global_rate_limit: %', true,
  'the actions of all agents per hour are limited'
);

select throws_ok(
  $$ insert into monitoring.running_actions (action_id, agent, kind, deadline)
     select max(id), 'x', 'deploy', now() - interval '1 day' from public.agent_actions $$,
  '23514', 'new row for relation "running_actions" violates check constraint "deadline_is_after_the_beginning"',
  'a deadline must be after the start'
);

select * from finish();

rollback;
