begin;

select plan(4);

insert into public.classification_rules (name, severity, matches, example)
values ('tap_audited', 'LOW', 'tapword', 'tapword');

update public.classification_rules
set is_enabled = false
where classification_rules.name = 'tap_audited';

delete from public.classification_rules
where classification_rules.name = 'tap_audited';

select results_eq(
  $$ select action, caller, details #>> '{from,is_enabled}', details #>> '{to,is_enabled}'
     from public.agent_actions where details ->> 'rule' = 'tap_audited' order by id $$,
  $$ values
     ('classification_rule_added', 'postgres', null, 'true'), ('classification_rule_changed', 'postgres', 'true', 'false'),
     ('classification_rule_removed', 'postgres', 'false', null) $$,
  'each change of a rule is on the audit trail'
);

truncate public.classification_rules;

select isnt_empty(
  $$ select from public.agent_actions
     where action = 'direct_truncate' and details ->> 'table' = 'classification_rules' $$,
  'so is the removal of all at once'
);

set local role service_role;

select throws_ok(
  $$ insert into public.classification_rules (name, matches, example) values ('tap', 'tapword', 'tapword') $$,
  '42501', null, 'the service cannot write rules'
);

set local role authenticated;

select lives_ok($$ select from public.classification_rules $$, 'agents read them');

select * from finish();

rollback;
