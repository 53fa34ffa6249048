begin;

select plan(5);

update public.system_config
set value = '{"agent_actions_per_hour": 100000, "all_agent_actions_per_hour": 100000}'
where key = 'rate_limits';

insert into public.incidents (id, fingerprint, title, message, severity, category, rule)
values ('INC-1', 'tap refused', 't', 'm', 'LOW', 'backend', 'r');

create temporary table answers on commit drop as
select public.begin_agent_action('fixer', 'Restart', 'INC-1', '{"confidence": 0.1}') as answer;

select is(
  (select answer ->> 'details' from answers),
  'feature_flag: feature_flags.auto_fix; confidence: 0.1 of at least 0.8', 'details has the reasons'
);

select is(
  (select answer ->> 'hint' from answers),
  (
    select string_agg(remedy, ' ' order by name desc) from monitoring.list_check_remedies()
    where name in ('feature_flag', 'confidence')
  ),
  'hint says what to do'
);

select results_eq(
  $$ select answer ->> 'code', answer ->> 'message', answer -> 'reasons' ->> 1 from answers $$,
  $$ values ('PT409', 'the action is refused', 'confidence: 0.1 of at least 0.8') $$, 'the other members stay'
);

select is_empty(
  $$ select item ->> 'check'
     from jsonb_array_elements(monitoring.check_agent_action('deploy', 'INC-1', '{}')) as checks (item)
     except select name from monitoring.list_check_remedies() $$,
  'there is a remedy for every check'
);

select is(
  monitoring.answer_conflict('no', 'why', 'what', '{"more": 1}'),
  '{"code": "PT409", "message": "no", "details": "why", "hint": "what", "more": 1}', 'an answer is an error of PostgREST'
);

select * from finish();

rollback;
