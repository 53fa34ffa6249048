begin;

select plan(5);

select public.remember_fix('fix A', pattern => 'tap replaced', auto_fix_code => 'a()', is_auto_fix_allowed => true);

select public.record_fix_outcome(id, true) from public.error_knowledge
where pattern = 'tap replaced';

select public.remember_fix('fix A', pattern => 'tap replaced', root_cause => 'known now');

select results_eq(
  $$ select success_count, is_auto_fix_allowed from public.error_knowledge where pattern = 'tap replaced' $$,
  $$ values (1, true) $$,
  'the same fix keeps what it has proved'
);

select set_config('request.jwt.claims', '{"role": "authenticated"}', true);

select throws_ok(
  $$ select public.remember_fix('x', pattern => 'tap replaced', auto_fix_code => 'b()', is_auto_fix_allowed => true) $$,
  'PT403', 'agents may not set is_auto_fix_allowed', 'an agent allows nothing'
);

select public.remember_fix('fix B', pattern => 'tap replaced', auto_fix_code => 'b()');

select results_eq(
  $$ select success_count, is_auto_fix_allowed from public.error_knowledge where pattern = 'tap replaced' $$,
  $$ values (0, false) $$,
  'another one begins anew'
);

select is(
  (
    select details ->> 'replaced_solution' from public.agent_actions
    where action = 'fix_remembered'
    order by id desc limit 1
  ),
  'fix A', 'and what it replaced is on record'
);

select set_config('request.jwt.claims', '', true);

select throws_ok(
  $$ select public.remember_fix('x', pattern => 'tap without code', is_auto_fix_allowed => true) $$,
  'PT400', 'is_auto_fix_allowed needs auto_fix_code', 'only code can run'
);

select * from finish();

rollback;
