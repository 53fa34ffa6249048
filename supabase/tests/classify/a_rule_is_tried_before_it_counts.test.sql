-- backtest_rule() shows what a disabled rule would change.

begin;

select plan(4);

select public.report_error(jsonb_build_object('error', jsonb_build_object('message', 'taptry ' || word || ': bad gateway')))
from unnest(array['alpha', 'beta', 'gamma']) as word;

select public.report_error('{"error": {"message": "taptry delta"}}');

insert into public.classification_rules (name, severity, category, matches, unless, example, is_enabled)
values ('tap_try', 'LOW', 'security', 'taptry', 'gamma', 'a taptry', false);

select results_eq(
  $$ select stored_severity::text, severity_with_rule::text, category_with_rule::text, is_manual, incidents
     from monitoring.backtest_rule('tap_try', 1) $$,
  $$ values ('CRITICAL', 'LOW', 'security', false, 2::bigint), ('MEDIUM', 'LOW', 'security', false, 1::bigint) $$,
  'the incidents about which the rule would decide'
);
select is(
  (
    select example from monitoring.backtest_rule('tap_try', 1)
    where incidents = 1
  ) like 'INC-%: taptry delta', true,
  'with an example'
);
select is(
  (public.classify_error('taptry delta')).rule, 'unmatched', 'the rule still decides nothing'
);
select throws_ok(
  $$ select * from monitoring.backtest_rule('tap_none', 1) $$, 'PT404', 'there is no such rule', 'a name that is not there'
);

select * from finish();

rollback;
