-- Purpose: creates the schemas and extensions that all other files need, and closes the schema monitoring.
-- Objects: schemas extensions, monitoring; extensions vector, pg_cron, pg_net.
-- Risks: where a project has an extension in another schema already, "if not exists" leaves it there. Nobody but the
--   owner of the database can create temporary objects afterwards.

create schema if not exists extensions;

create schema monitoring;

comment on schema monitoring is
'Helper functions, trigger functions and internal tables of the monitoring agent. Closed: not exposed by PostgREST.';

revoke all on schema monitoring from public, anon, authenticated, service_role;

create extension if not exists vector with schema extensions;

create extension if not exists pg_cron;

create extension if not exists pg_net with schema extensions;

-- A security definer function resolves types in pg_temp first, whatever its search_path: an API role with SQL access
-- that may create temporary objects could run code as the owner of the function.
do $$
begin
  execute format('revoke temporary on database %I from public, anon, authenticated, service_role', current_database());
end
$$;
