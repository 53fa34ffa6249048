begin;

select plan(8);

-- Actions of other tests must not count here.
update public.system_config
set value = '{"agent_actions_per_hour": 100000, "all_agent_actions_per_hour": 100000}'
where key = 'rate_limits';

update public.system_config
set value = '{"auto_fix": true}'
where key = 'feature_flags';

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
  monitoring.test_reasons(public.begin_agent_action('fixer', 'auto_fix', 'INC-1', '{"confidence": 0.5}')),
  'confidence: 0.5 of at least 0.8', 'a fix needs confidence'
);

select is(
  monitoring.test_reasons(public.begin_agent_action('fixer', 'deploy', 'INC-1')), 'feature_flag: feature_flags.deploy',
  'an action type needs its feature flag'
);

select is(current_setting('response.status'), '409', 'a refusal is answered with 409');

select is(
  monitoring.test_reasons(public.begin_agent_action('fixer', 'auto_fix', 'INC-1', '{"confidence": 0.9}', true)), 'allowed',
  'a dry run checks without starting an action'
);

select is(
  monitoring.test_reasons(public.begin_agent_action('fixer', 'auto_fix', 'INC-1', '{"confidence": 0.9}')), 'allowed',
  'an allowed action starts'
);

select is(
  monitoring.test_reasons(public.begin_agent_action('other', 'investigate', 'INC-1')),
  'one_action_an_incident: fixer is running an action', 'one action runs per incident'
);

select results_eq(
  $$ select safety_verdict, success, jsonb_array_length(safety_checks) from public.agent_actions
     where incident_id = 'INC-1' and action <> 'incident_created' order by id $$,
  $$ values ('refused', false, 7), ('refused', false, 7), ('allowed', null, 7), ('allowed', null, 7), ('refused', false, 7) $$,
  'all checks are recorded, whether allowed or refused'
);

select throws_ok(
  $$ select public.begin_agent_action('fixer', 'guess') $$, 'PT400', 'action_type guess is unknown', 'an unknown action type is rejected'
);

select * from finish();

rollback;
