begin;

select plan(10);

-- Actions of other tests must not count here.
update public.system_config
set value = '{"agent_actions_per_hour": 100000, "all_agent_actions_per_hour": 100000}'
where key = 'rate_limits';

update public.system_config
set value = '{"auto_fix": true}'
where key = 'feature_flags';

insert into public.error_knowledge (pattern, signature, category, severity, solution, auto_fix_code)
values ('tap guarded', 'tap guarded', 'backend', 'LOW', 's', 'c()');

create function monitoring.test_plan(confidence numeric)
returns jsonb
language sql
set search_path = ''
as $$
  select jsonb_build_object('confidence', confidence, 'knowledge_id', error_knowledge.id)
  from public.error_knowledge
  where error_knowledge.signature = 'tap guarded';
$$;

insert into public.incidents (id, fingerprint, title, message, severity, category, rule)
values ('INC-1', 'guarded', 't', 'm', 'LOW', 'backend', 'r');

create function monitoring.test_reasons(answer jsonb)
returns text
language sql
set search_path = ''
as $$
  select coalesce((select string_agg(reason, ', ') from jsonb_array_elements_text(answer -> 'reasons') as reason), 'allowed');
$$;

select is(
  monitoring.test_reasons(public.begin_agent_action('fixer', 'auto_fix', 'INC-1', monitoring.test_plan(0.9))),
  'approved_fix: plan.knowledge_id must name an approved fix whose code agents may run', 'a fix needs an approval'
);

select public.approve_fix(id, 1, true) from public.error_knowledge
where signature = 'tap guarded';

select is(
  monitoring.test_reasons(public.begin_agent_action('fixer', 'auto_fix', 'INC-1', monitoring.test_plan(0.5))),
  'confidence: 0.5 of at least 0.8', 'a fix needs confidence'
);

select is(
  monitoring.test_reasons(public.begin_agent_action('fixer', 'deploy', 'INC-1')), 'feature_flag: feature_flags.deploy',
  'an action type needs its feature flag'
);

select is(current_setting('response.status'), '409', 'a refusal is answered with 409');

select is(
  monitoring.test_reasons(public.begin_agent_action('fixer', 'auto_fix', 'INC-1', monitoring.test_plan(0.9), true)), 'allowed',
  'a dry run checks without starting an action'
);

select is(
  monitoring.test_reasons(public.begin_agent_action('fixer', 'auto_fix', 'INC-1', monitoring.test_plan(0.9))), 'allowed',
  'an allowed action starts'
);

select is(
  monitoring.test_reasons(public.begin_agent_action('other', 'investigate', 'INC-1')),
  'one_action_an_incident: fixer is running an action', 'one action runs per incident'
);

select results_eq(
  $$ select safety_verdict, success, jsonb_array_length(safety_checks) from public.agent_actions
     where incident_id = 'INC-1' and action <> 'incident_created' order by id $$,
  $$ values ('refused', false, 9), ('refused', false, 9), ('refused', false, 9), ('allowed', null, 9),
     ('allowed', null, 9), ('refused', false, 9) $$,
  'all checks are recorded, whether allowed or refused'
);

select is(
  monitoring.find_approved_fix('{"knowledge_id": "1 or 1"}'), null::bigint, 'other values name no fix'
);

select throws_ok(
  $$ select public.begin_agent_action('fixer', 'guess') $$, 'PT400', 'action_type is unknown', 'an unknown action type is rejected'
);

select * from finish();

rollback;
