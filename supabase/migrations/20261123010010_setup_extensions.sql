-- Purpose: the schemas and extensions that everything else stands on.
-- Objects: schemas monitoring, extensions; extensions vector, pg_cron, pg_net.
-- Risks: on a project that already has an extension elsewhere, "if not exists" leaves it where it is.

create schema if not exists extensions;

create schema monitoring;

comment on schema monitoring is
'Helpers, trigger functions and bookkeeping of the monitoring agent. Never exposed by PostgREST.';

revoke all on schema monitoring from public, anon, authenticated, service_role;

create extension if not exists vector with schema extensions;

create extension if not exists pg_cron;

create extension if not exists pg_net with schema extensions;

-- A security definer function looks for types in pg_temp first, whatever its search_path: nobody but the owner of the
-- database may make temporary objects, or an API role with SQL access could have code run as the function's owner.
do $$
begin
  execute format('revoke temporary on database %I from public, anon, authenticated, service_role', current_database());
end
$$;
