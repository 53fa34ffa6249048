begin;

select plan(6);

create function monitoring.of_somebody_else() returns integer language sql as 'select 1';

grant execute on function monitoring.of_somebody_else() to anon;

-- A function of ours that a later migration would add.
create function monitoring.read_role(added integer) returns integer language sql as 'select 1';

select lives_ok('select monitoring.secure_functions()', 'the functions can be secured again');

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
  select has_function_privilege('anon', oid, 'execute'), proconfig = array['search_path=pg_catalog, pg_temp']
  from pg_catalog.pg_proc
  where oid = 'monitoring.read_role(integer)'::regprocedure
  $$,
  'values (false, true)',
  'a new function of ours is closed, and pg_temp is last in its search_path'
);

select results_eq(
  $$
  select kind from monitoring.list_own_objects()
  where name in ('incidents', 'config_field', 'target_type', 'secure_functions', 'monitoring-purge-history')
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
