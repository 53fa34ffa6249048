begin;

select plan(8);

select results_eq(
  $$ select jsonb_object_keys(public.agent_guide()) order by 1 $$,
  $$ values ('about'), ('failed_checks'), ('functions'), ('how_to_call'), ('refusals'), ('rules'), ('state'), ('steps') $$,
  'the guide has all sections'
);

select is(
  monitoring.describe_function('public.incident_activity(text)'::regprocedure) - 'details',
  '{"function": "incident_activity", "purpose": "Returns how often an incident occurs: a sentence, and the counts of 24 hours.",
    "arguments": {"incident_id": "text"}}',
  'a function is described by its declaration and its comment'
);

select is(
  monitoring.describe_function('public.incident_context(text, integer)'::regprocedure) -> 'arguments',
  '{"incident_id": "text", "budget": "integer, optional"}', 'with its optional arguments'
);

select is_empty(
  $$ select name from monitoring.list_guide_examples() where to_regproc('public.' || name) is null $$,
  'every example is one of a function'
);

select is(
  (
    select count(*) from monitoring.list_guide_refusals()
    where remedy = ''
  ), 0::bigint, 'every refusal has a remedy'
);

update public.system_config
set value = '{"enabled": true, "reason": "a drill"}'
where key = 'kill_switch';

select is(
  (monitoring.describe_agent_state() ->> 'kill_switch_reason') || ', '
  || (monitoring.describe_action_kinds() -> 0 -> 'refused_now_because' ->> 0),
  'a drill, kill_switch: a drill', 'the state is the one that decides'
);

comment on schema public is null;

select monitoring.describe_schema();

select matches(
  obj_description('public'::regnamespace, 'pg_namespace'), '^Autonomous monitoring agent\n\n.*agent_guide', 'the schema is described'
);

comment on schema public is 'The shop';

select monitoring.describe_schema();

select is(
  obj_description('public'::regnamespace, 'pg_namespace'), 'The shop', 'unless the owner of the project described it'
);

select * from finish();

rollback;
