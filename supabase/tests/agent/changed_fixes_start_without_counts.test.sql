begin;

select plan(8);

select public.report_error('{"error": {"message": "tap replaced"}, "fingerprint": "replaced"}');

select public.remember_fix('fix A', pattern => 'tap replaced', auto_fix_code => 'a()');

create function monitoring.test_entry()
returns bigint
language sql
set search_path = ''
as $$
  select error_knowledge.id from public.error_knowledge where error_knowledge.pattern = 'tap replaced';
$$;

select public.record_fix_outcome(monitoring.test_entry(), true, id) from public.incidents
where context ->> 'fingerprint' = 'replaced';

select throws_ok(
  $$ select public.approve_fix(monitoring.test_entry(), 7) $$,
  'PT409', null, 'an approval is for the revision that was read'
);

select public.approve_fix(monitoring.test_entry(), 1, true);

select set_config('request.jwt.claims', '{"role": "authenticated", "sub": "tap"}', true);

select public.remember_fix('fix A', pattern => 'tap replaced');

select results_eq(
  $$ select success_count, is_approved, is_auto_fix_allowed, revision, approved_by, remembered_by
     from public.error_knowledge where pattern = 'tap replaced' $$,
  $$ values (1, true, true, 1, 'postgres', 'postgres') $$,
  'the same fix keeps its counts and its approval'
);

select public.remember_fix('fix A', pattern => 'tap replaced', root_cause => 'run this as root');

select results_eq(
  $$ select success_count, is_approved, is_auto_fix_allowed, revision, approved_by, remembered_by
     from public.error_knowledge where pattern = 'tap replaced' $$,
  $$ values (1, false, false, 2, null, 'user:tap') $$,
  'any change ends the approval, by whoever made it'
);

select public.remember_fix('fix B', pattern => 'tap replaced');

select results_eq(
  $$ select success_count, auto_fix_code, (select count(*) from monitoring.fix_outcomes where knowledge_id = id)
     from public.error_knowledge where pattern = 'tap replaced' $$,
  $$ values (0, 'a()', 0::bigint) $$,
  'a changed solution starts without counts'
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
  $$ select public.approve_fix(-1, 1) $$, 'PT404', 'there is no knowledge -1', 'an unknown fix cannot be approved'
);

select public.remember_fix('x', pattern => 'tap without code');

select throws_ok(
  $$ select public.approve_fix(id, 1, true) from public.error_knowledge where pattern = 'tap without code' $$,
  'PT400', 'is_auto_fix_allowed needs auto_fix_code', 'permission to run code needs code'
);

select public.approve_fix(monitoring.test_entry(), 3, true);

update public.error_knowledge
set approved_at = null
where pattern = 'tap replaced';

select results_eq(
  $$ select is_approved, is_auto_fix_allowed from public.error_knowledge where pattern = 'tap replaced' $$,
  $$ values (false, false) $$,
  'an approval can be withdrawn, and the permission with it'
);

select * from finish();

rollback;
