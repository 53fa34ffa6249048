begin;

select plan(8);

create function monitoring.of_somebody_else() returns integer language sql as 'select 1';

grant execute on function monitoring.of_somebody_else() to anon;

-- A function of ours that a later migration would add.
create function monitoring.read_role(added integer) returns integer language sql as 'select 1';

select lives_ok('select monitoring.secure_objects()', 'the functions can be secured again');

select ok(
  has_function_privilege('anon', 'monitoring.of_somebody_else()', 'execute'),
  'a function of somebody else keeps its privileges'
);

select results_eq(
  $$
  select proconfig is null
  from pg_catalog.pg_proc
  where oid = 'monitoring.of_somebody_else()'::regprocedure
  $$,
  'values (true)',
  'a function of somebody else keeps its settings'
);

select results_eq(
  $$
  select has_function_privilege('anon', oid, 'execute')
  from pg_catalog.pg_proc
  where oid = 'monitoring.read_role(integer)'::regprocedure
  $$,
  'values (false)',
  'a new function of ours is closed'
);

select is(monitoring.revoke_temporary(), true, 'temporary objects are the owner''s while no function needs them');

create function public.with_temporary_table() returns void language plpgsql as
'begin create temporary table picked (id integer); end';

select is(monitoring.revoke_temporary(), false, 'a project whose functions use temporary tables keeps the privilege');

select results_eq(
  $$
  select kind from monitoring.list_own_objects()
  where name in ('incidents', 'config_field', 'target_type', 'secure_objects', 'monitoring-anchor-audit')
  order by name
  $$,
  $$ values ('relation'), ('relation'), ('job'), ('function'), ('type') $$,
  'tables, types, functions and jobs of ours are listed'
);

select is_empty(
  $$ select name from monitoring.list_own_functions() where name = 'of_somebody_else' $$,
  'functions of somebody else are not listed'
);

select * from finish();

rollback;
