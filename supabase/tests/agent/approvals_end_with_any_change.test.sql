begin;

select plan(9);

create function monitoring.test_vector(value double precision)
returns extensions.vector
language sql
set search_path = ''
as $$
  select array_agg(test_vector.value)::extensions.vector from generate_series(1, 1536);
$$;

create function monitoring.test_is_approved_after(change text)
returns boolean
language plpgsql
set search_path = ''
as $$
declare
  v_is_approved boolean;
begin
  insert into public.error_knowledge (
    pattern, signature, category, severity, root_cause, solution, auto_fix_code, is_auto_fix_allowed, approved_at
  )
  values ('p', change, 'backend', 'LOW', 'r', 's', 'c()', true, now());
  execute format('update public.error_knowledge set %s where signature = %L', change, change);
  delete from public.error_knowledge
  where root_cause is not distinct from 'r' or root_cause = 'R'
  returning error_knowledge.is_approved or error_knowledge.is_auto_fix_allowed into v_is_approved;
  return v_is_approved;
end
$$;

select results_eq(
  $$ select change, monitoring.test_is_approved_after(change) from unnest(array[
       $c$pattern = 'P'$c$, $c$signature = 'S'$c$, $c$category = 'frontend'$c$, $c$severity = 'HIGH'$c$,
       $c$root_cause = 'R'$c$, $c$solution = 'S'$c$, $c$auto_fix_code = 'd()'$c$
     ]) as change $$,
  $$ values ($c$pattern = 'P'$c$, false), ($c$signature = 'S'$c$, false), ($c$category = 'frontend'$c$, false),
       ($c$severity = 'HIGH'$c$, false), ($c$root_cause = 'R'$c$, false), ($c$solution = 'S'$c$, false),
       ($c$auto_fix_code = 'd()'$c$, false) $$,
  'a change of any content ends the approval, also one made with plain SQL'
);

select is(
  monitoring.test_is_approved_after('approved_at = now(), solution = upper(solution)'), false,
  'a change and an approval in one statement approve nothing'
);

select is(monitoring.test_is_approved_after('success_count = 3'), true, 'counts leave the approval');

select is(
  monitoring.test_is_approved_after('embedding = monitoring.test_vector(0.5)'), true,
  'an embedding that a job computed leaves the approval'
);

select set_config('request.jwt.claims', '{"role": "authenticated", "sub": "tap"}', true);

select is(
  monitoring.test_is_approved_after('embedding = monitoring.test_vector(0.5)'), false,
  'an embedding that an agent sends ends the approval'
);

select set_config('request.jwt.claims', '{"role": "service_role"}', true);

select public.remember_fix('rotate it', pattern => 'tap found', auto_fix_code => 'rotate()');

select results_eq(
  $$ select is_approved, is_auto_fix_allowed, revision from public.search_error_knowledge('tap found rotate', null, 1) $$,
  $$ values (false, false, 1) $$,
  'a search says that nobody approved a fix'
);

select is(
  (public.approve_fix((
    select id from public.error_knowledge
    where pattern = 'tap found'
  ), 1)).approved_by, 'service_role', 'an approval says who approved'
);

select results_eq(
  $$ select is_approved, is_auto_fix_allowed from public.search_error_knowledge('tap found rotate', null, 1) $$,
  $$ values (true, false) $$,
  'a search says that a fix was approved'
);

select is(
  (
    select details ->> 'is_auto_fix_allowed' from public.agent_actions
    where action = 'fix_approved'
    order by id desc limit 1
  ),
  'false', 'approvals are in the audit trail'
);

select * from finish();

rollback;
