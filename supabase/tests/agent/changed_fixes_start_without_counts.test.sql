begin;

select plan(5);

select public.remember_fix('fix A', pattern => 'tap replaced', auto_fix_code => 'a()', is_auto_fix_allowed => true);

select public.record_fix_outcome(id, true) from public.error_knowledge
where pattern = 'tap replaced';

select public.remember_fix('fix A', pattern => 'tap replaced', root_cause => 'a fix is stored');

select results_eq(
  $$ select success_count, is_auto_fix_allowed from public.error_knowledge where pattern = 'tap replaced' $$,
  $$ values (1, true) $$,
  'the same fix keeps its counts'
);

select set_config('request.jwt.claims', '{"role": "authenticated"}', true);

select throws_ok(
  $$ select public.remember_fix('x', pattern => 'tap replaced', auto_fix_code => 'b()', is_auto_fix_allowed => true) $$,
  'PT403', 'agents may not set is_auto_fix_allowed', 'an agent cannot set is_auto_fix_allowed'
);

select public.remember_fix('fix B', pattern => 'tap replaced', auto_fix_code => 'b()');

select results_eq(
  $$ select success_count, is_auto_fix_allowed from public.error_knowledge where pattern = 'tap replaced' $$,
  $$ values (0, false) $$,
  'a changed fix starts without counts'
);

select is(
  (
    select details ->> 'replaced_solution' from public.agent_actions
    where action = 'fix_remembered'
    order by id desc limit 1
  ),
  'fix A', 'the replaced fix is recorded'
);

select set_config('request.jwt.claims', '', true);

select throws_ok(
  $$ select public.remember_fix('x', pattern => 'tap without code', is_auto_fix_allowed => true) $$,
  'PT400', 'is_auto_fix_allowed needs auto_fix_code', 'is_auto_fix_allowed needs auto_fix_code'
);

select * from finish();

rollback;
