-- Purpose: closes the functions of the schema monitoring to PUBLIC and the API roles, and makes no function look for
--   names in temporary schemas first.
-- Objects: function monitoring.secure_functions.
-- Risks: a migration appended later that creates functions must end with the same call, after it has replaced
--   monitoring.list_own_functions(), else PUBLIC may execute them. The catalog tests fail without it.
--
-- PostgreSQL grants EXECUTE on each new function to PUBLIC. Three other ways to take it back were rejected:
-- `revoke … on all routines in schema monitoring` would change functions of others in a schema that the project had
-- before; `alter default privileges in schema monitoring revoke execute on functions from public` has no effect,
-- because the default privileges of a schema only add to the built-in ones; without `in schema` the statement works,
-- but it applies to every schema and outlives the push.
-- The Supabase CLI applies each file in a transaction of its own: between the first file and this one, PUBLIC holds
-- EXECUTE. Nobody can use it, because no API role has USAGE on the schema, unless the project had granted it before.
-- Functions in public are exposed: there, every function is followed by its own revoke and grants.
--
-- With an empty search_path, PostgreSQL looks for types in the temporary schema of the session before pg_catalog: an
-- API role with SQL access could create a type named text there and run code as the owner of a security definer
-- function. To name pg_temp last prevents that. `revoke temporary on database` would too, but it would break every
-- function of the project that uses temporary tables.

create function monitoring.secure_functions()
returns void
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  v_function record;
begin
  for v_function in
    select pg_proc.oid::regprocedure as signature, own.schema
    from monitoring.list_own_functions() as own
    join pg_catalog.pg_proc on pg_proc.proname = own.name and pg_proc.pronamespace = to_regnamespace(own.schema)
  loop
    execute format('alter function %s set search_path = pg_catalog, pg_temp', v_function.signature);
    if v_function.schema = 'monitoring' then
      execute format(
        'revoke all on function %s from public, anon, authenticated, service_role', v_function.signature
      );
    end if;
  end loop;
end
$$;

comment on function monitoring.secure_functions() is
'Revokes EXECUTE on our functions in the schema monitoring from PUBLIC and the API roles, and lets no function of ours
find types in temporary schemas. Leaves functions of others alone. Safe to repeat.';

select monitoring.secure_functions();
