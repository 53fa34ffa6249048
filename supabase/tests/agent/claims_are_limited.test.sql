begin;

select plan(8);

update public.system_config
set value = value || '{"claims_per_agent": 2, "agent_actions_per_hour": 100000, "all_agent_actions_per_hour": 100000}'
where key = 'rate_limits';

insert into public.incidents (id, fingerprint, title, message, severity, category, rule, source)
select
  'INC-' || number as id,
  'tap limit ' || number as fingerprint,
  't' as title,
  'm' as message,
  'LOW' as severity,
  'backend' as category,
  'r' as rule,
  'tap limits' as source
from generate_series(1, 4) as numbers (number);

select set_config('request.jwt.claims', '{"role": "authenticated", "sub": "ben"}', true);

-- Ben works on INC-1 without a claim.
select public.begin_agent_action('worker', 'investigate', 'INC-1');

select set_config('request.jwt.claims', '{"role": "authenticated", "sub": "ann", "agent": "ann-agent"}', true);

select is(
  (public.claim_next_incident('one', source => 'tap limits') ->> 'id')
  || (public.claim_next_incident('two', source => 'tap limits') ->> 'id'),
  'INC-2INC-3', 'an incident on which somebody else runs an action is not claimed'
);

select throws_ok(
  $$ select public.claim_next_incident('three', source => 'tap limits') $$,
  'PT409', 'you hold 2 incidents, as many as rate_limits.claims_per_agent allows',
  'a caller may hold a few incidents, whatever it calls itself'
);

select public.release_claim('INC-3', 'enough');

select is(
  public.claim_next_incident('three', source => 'tap limits') ->> 'id', 'INC-3', 'and another one after a release'
);

select set_config('request.jwt.claims', '{"role": "authenticated", "sub": "ben", "agent": "ben-agent"}', true);

select matches(
  (public.begin_agent_action('worker', 'investigate', 'INC-2') -> 'reasons' ->> 0),
  '^claim: one holds INC-2 until 20.* UTC$', 'an agent begins no action on the incident of another'
);

select throws_matching(
  $$ select public.resolve_incident('INC-2', 'mine') $$, 'one holds INC-2 until 20.* UTC',
  'a token that names an agent does not resolve it'
);

select throws_matching(
  $$ select public.suppress_incident('INC-2', now() + interval '1 hour', 'mine') $$, 'one holds INC-2 until 20.* UTC',
  'nor suppresses it'
);

select throws_matching(
  $$ select public.acknowledge_incident('INC-2') $$, 'one holds INC-2 until 20.* UTC', 'nor takes it over'
);

select set_config('request.jwt.claims', '{"role": "service_role"}', true);

select public.set_kill_switch(true, 'tap');

select throws_ok(
  $$ select public.claim_next_incident('one', source => 'tap limits') $$,
  'PT409', 'the kill switch is on: agents may claim nothing', 'nothing is claimed while the kill switch is on'
);

select * from finish();

rollback;
