-- Purpose: gives our functions, tables and views the privileges that their files name, whatever the project grants by
--   default, and lets no API role create temporary objects.
-- Objects: functions monitoring.revoke_temporary, monitoring.secure_objects.
-- Risks: a migration appended later that creates objects must replace monitoring.list_own_functions() and
--   monitoring.list_own_objects(), which `make names` writes, and call monitoring.secure_objects(), else PUBLIC may
--   execute its functions. The catalog tests fail without it.
--
-- PostgreSQL grants EXECUTE on each new function to PUBLIC. Three other ways to take it back were rejected:
-- `revoke … on all routines in schema monitoring` would change functions of others in a schema that the project had
-- before; `alter default privileges in schema monitoring revoke execute on functions from public` has no effect,
-- because the default privileges of a schema only add to the built-in ones; without `in schema` the statement works,
-- but it applies to every schema and outlives the push.
-- The Supabase CLI applies each file in a transaction of its own: between the first file and the last one, PUBLIC holds
-- EXECUTE in monitoring. Nobody can use it, because no API role has USAGE on the schema, unless the project granted it.
-- Functions in public are exposed: there, every function is followed by its own revoke and grants. But a squashed
-- migration has the grants only: where a project grants everything in public by default, its revokes are missing.
--
-- With an empty search_path, PostgreSQL looks for types in the temporary schema of the session before pg_catalog: an
-- API role with SQL access could create a type named text there and run code as the owner of a security definer
-- function.

create function monitoring.revoke_temporary()
returns boolean
language plpgsql
volatile
security invoker
set search_path = ''
as $$
begin
  if exists (
    select
    from pg_catalog.pg_proc
    where pg_proc.prosrc ~* '\m(create(\s+(local|global))?|into)\s+temp(orary)?\M'
      and pg_proc.pronamespace not in ('pg_catalog'::regnamespace, 'information_schema'::regnamespace)
      and not exists (
        select
        from pg_catalog.pg_depend
        where pg_depend.classid = 'pg_catalog.pg_proc'::regclass
          and pg_depend.objid = pg_proc.oid
          and pg_depend.deptype = 'e'
      )
  ) then
    return false;
  end if;
  execute format('revoke temporary on database %I from public, anon, authenticated, service_role', current_database());
  return true;
end
$$;

comment on function monitoring.revoke_temporary() is
'Revokes the privilege to create temporary objects from PUBLIC and the API roles, unless a function of the project uses
temporary tables and would fail without it. Returns whether it did.';

create function monitoring.secure_objects()
returns void
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  v_object record;
begin
  for v_object in
    select 'function ' || pg_proc.oid::regprocedure as label, 'execute' as privilege, own.granted_to
    from monitoring.list_own_functions() as own
    join pg_catalog.pg_proc on pg_proc.proname = own.name and pg_proc.pronamespace = to_regnamespace(own.schema)
    union all
    select format('table %I.%I', own.schema, own.name), 'select', own.granted_to
    from monitoring.list_own_objects() as own
    where own.kind = 'relation'
    union all
    -- The sequences of identity columns.
    select 'sequence ' || pg_depend.objid::regclass, 'usage', ''
    from monitoring.list_own_objects() as own
    join pg_catalog.pg_depend
      on pg_depend.refobjid = to_regclass(format('%I.%I', own.schema, own.name))
      and pg_depend.refclassid = 'pg_catalog.pg_class'::regclass
      and pg_depend.classid = 'pg_catalog.pg_class'::regclass
      and pg_depend.deptype = 'i'
      and pg_depend.refobjsubid > 0
    where own.kind = 'relation'
  loop
    execute format('revoke all on %s from public, anon, authenticated, service_role', v_object.label);
    if v_object.granted_to <> '' then
      execute format('grant %s on %s to %s', v_object.privilege, v_object.label, v_object.granted_to);
    end if;
  end loop;
  perform monitoring.revoke_temporary();
end
$$;

comment on function monitoring.secure_objects() is
'Gives PUBLIC and the API roles the privileges on our objects that list_own_objects() names and no others, and calls
revoke_temporary(). Leaves objects of others alone. Safe to repeat.';
