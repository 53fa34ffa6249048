-- Each built-in rule decides about its example and not about its counterexample, when it is the only one.

begin;

select plan(5);

create function pg_temp.decide(rule text, message text)
returns text
language plpgsql
as $$
declare
  v_rule public.classification_rules;
  v_verdict record;
begin
  update public.classification_rules
  set is_enabled = classification_rules.name = decide.rule
  where classification_rules.is_enabled <> (classification_rules.name = decide.rule);
  select classification_rules.* into v_rule from public.classification_rules where classification_rules.name = decide.rule;
  select verdict.*
  into v_verdict
  from public.classify_error(
    decide.message,
    source => v_rule.sources[1],
    http_status => (select lower(v_rule.statuses) where (monitoring.read_error_signals(decide.message, null, null, null, null, null)).status is null)
  ) as verdict;
  return case
    when v_rule.severity is not null then (v_verdict.rule = v_rule.name and v_verdict.severity = v_rule.severity)::text
    else (v_verdict.category = v_rule.category)::text
  end;
end
$$;

select ok(
  (
    select count(*) > 50 from public.classification_rules
    where origin = 'builtin'
  ), 'there are built-in rules'
);
select is_empty(
  $$ select name from public.classification_rules
     where origin = 'builtin' and pg_temp.decide(name, example) is distinct from 'true' order by name $$,
  'each rule decides about its example'
);
select is_empty(
  $$ select name from public.classification_rules
     where
       origin = 'builtin' and counterexample is not null and severity is not null
       and pg_temp.decide(name, counterexample) = 'true' order by name $$,
  'no rule decides about its counterexample'
);
select is_empty(
  $$ select name from public.classification_rules
     where origin = 'builtin' and monitoring.explain_no_match(classification_rules, counterexample) is null
       and counterexample is not null $$,
  'no rule matches its counterexample'
);
select cmp_ok(
  (
    select count(*) from public.classification_rules
    where pattern is not null
  ), '<=', 8::bigint,
  'few rules have a regular expression'
);

select * from finish();

rollback;
