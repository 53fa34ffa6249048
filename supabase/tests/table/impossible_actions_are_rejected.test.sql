begin;

select plan(7);

select throws_ok(
  $$ insert into public.agent_actions (agent, action)
     values (' ', 'b') $$,
  '23514', monitoring.describe_row_rule('public.agent_actions', 'agent_is_not_blank'),
  'a blank agent is rejected'
);

select throws_ok(
  $$ insert into public.agent_actions (agent, action)
     values ('a', ' ') $$,
  '23514', monitoring.describe_row_rule('public.agent_actions', 'action_is_not_blank'),
  'a blank action is rejected'
);

select throws_ok(
  $$ insert into public.agent_actions (agent, action, duration_ms)
     values ('a', 'b', -1) $$,
  '23514', monitoring.describe_row_rule('public.agent_actions', 'duration_is_not_negative'),
  'a negative duration is rejected'
);

select throws_ok(
  $$ insert into public.agent_actions (agent, action, safety_checks)
     values ('a', 'b', '{}') $$,
  '23514', monitoring.describe_row_rule('public.agent_actions', 'safety_checks_is_a_list'),
  'safety checks that are not a list are rejected'
);

select throws_ok(
  $$ insert into public.agent_actions (agent, action, safety_verdict)
     values ('a', 'b', 'maybe') $$,
  '23514', monitoring.describe_row_rule('public.agent_actions', 'safety_verdict_is_known'),
  'an unknown verdict is rejected'
);

select throws_ok(
  $$ insert into public.agent_actions (agent, action, details)
     values ('a', 'b', '[]') $$,
  '23514', monitoring.describe_row_rule('public.agent_actions', 'details_is_an_object'),
  'details that are not an object are rejected'
);

select throws_ok(
  $$ insert into public.agent_actions (agent, action, success, error)
     values ('a', 'b', true, 'e') $$,
  '23514', monitoring.describe_row_rule('public.agent_actions', 'successes_have_no_error'),
  'a success with an error is rejected'
);

select * from finish();

rollback;
