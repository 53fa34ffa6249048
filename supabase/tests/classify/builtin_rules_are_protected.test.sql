-- The operator may switch a built-in rule off, not change or delete it; an upgrade changes built-in rules only.

begin;

select plan(12);

select throws_ok(
  $$ update public.classification_rules set severity = 'LOW' where name = 'cors_blocked' $$, '22023',
  'cors_blocked is a built-in rule and can only be switched off', 'a built-in rule keeps its severity'
);
select throws_ok(
  $$ update public.classification_rules set origin = 'operator' where name = 'cors_blocked' $$, '22023',
  'cors_blocked is a built-in rule and can only be switched off', 'a built-in rule keeps its origin'
);
select throws_ok(
  $$ delete from public.classification_rules where name = 'cors_blocked' $$, '22023',
  'cors_blocked is a built-in rule and can only be switched off', 'a built-in rule is not deleted'
);
select throws_ok(
  $$ insert into public.classification_rules (name, matches, example, origin)
     values ('tap', 'tapword', 'tapword', 'builtin') $$, '22023',
  'origin must be operator', 'nobody adds a built-in rule'
);
select throws_ok(
  $$ insert into public.classification_rules (name, matches, example) values ('caller', 'tapword', 'tapword') $$, '22023',
  'name is the name of a built-in rule', 'incidents.rule shows which rule decided'
);
insert into public.classification_rules (name, severity, category, matches, example)
values ('tap_own', 'LOW', 'backend', websearch_to_tsquery('simple', '"blocked by cors" tapword'), 'tapword blocked by CORS');

select throws_ok(
  $$ update public.classification_rules set name = 'cors_blocked' where name = 'tap_own' $$, '22023',
  'name is the name of a built-in rule', 'nor is it renamed to one'
);
select is(
  (public.classify_error('tapword: blocked by CORS policy')).rule, 'tap_own', 'the rule of the operator comes first'
);
select lives_ok(
  $$ update public.classification_rules set is_enabled = false where name in ('cors_blocked', 'tap_own') $$,
  'both can be switched off'
);
select isnt(
  (public.classify_error('tapword: blocked by CORS policy')).severity::text, 'CRITICAL', 'then they decide no more'
);

-- What another version left behind: a rule that does not exist any more, and one with another definition.
set local search_path = '';
insert into public.classification_rules (name, matches, example, origin) values ('tap_old', 'tapword', 'tapword', 'builtin');
update public.classification_rules set severity = 'LOW'
where name = 'bad_gateway';
set local search_path = public, extensions;

select monitoring.seed_classification_rules();

select results_eq(
  $$ select name, severity::text, is_enabled from public.classification_rules
     where name in ('tap_old', 'tap_own', 'bad_gateway', 'cors_blocked') order by name $$,
  $$ values ('bad_gateway', 'CRITICAL', true), ('cors_blocked', 'CRITICAL', false), ('tap_own', 'LOW', false) $$,
  'an upgrade renews built-in rules, and leaves those of the operator and all switches as they are'
);
create temp table seeded as
select
  name,
  updated_at
from public.classification_rules;

select monitoring.seed_classification_rules();

select is_empty(
  $$ select name, updated_at from public.classification_rules except select name, updated_at from seeded $$,
  'the next upgrade changes nothing'
);
select is(
  (
    select count(*) from public.agent_actions
    where details ->> 'rule' = 'cors_blocked' and created_at >= now()
  ), 1::bigint,
  'a switch is on the audit trail'
);

select * from finish();

rollback;
