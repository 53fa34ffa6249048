-- Purpose: make a bare database look like hosted Supabase: roles, default privileges, timeouts, schemas, auth helpers.
-- Run by the superuser in one transaction at every start of the stack, before the extensions are created.
-- What a migration may change later (role settings, default privileges) is set only when the object is created, as on
-- hosted Supabase.

-- Roles. Attributes as in supabase/postgres, initial-schema, demote-postgres and alter_api_roles_for_inherit.
do $roles$
begin
  if to_regrole('anon') is null then
    create role anon nologin inherit;
    alter role anon set statement_timeout = '3s';
  end if;

  if to_regrole('authenticated') is null then
    create role authenticated nologin inherit;
    alter role authenticated set statement_timeout = '8s';
  end if;

  if to_regrole('service_role') is null then
    create role service_role nologin inherit bypassrls;
  end if;

  if to_regrole('authenticator') is null then
    create role authenticator login noinherit;
    alter role authenticator set statement_timeout = '8s';
    alter role authenticator set lock_timeout = '8s';
    alter role authenticator set pgrst.db_schemas = 'public';
    grant anon, authenticated, service_role to authenticator;
  end if;

  if to_regrole('postgres') is null then
    create role postgres login nosuperuser createdb createrole replication bypassrls;
    alter role postgres set search_path = "$user", public, extensions;
    grant anon, authenticated, service_role, authenticator to postgres with admin option;
    grant pg_monitor, pg_read_all_data, pg_signal_backend to postgres with admin option;
  end if;

  if to_regrole('supabase_auth_admin') is null then
    create role supabase_auth_admin login noinherit createrole;
    alter role supabase_auth_admin set search_path = 'auth';
  end if;

  if to_regrole('dashboard_user') is null then
    create role dashboard_user nologin createdb createrole replication;
  end if;
end
$roles$;

do $database$
begin
  execute format('alter database %I owner to postgres', current_database());
  execute format('alter database %I set search_path = "$user", public, extensions', current_database());
end
$database$;

-- The schema for extensions, which every role may use.
create schema if not exists extensions;

grant usage on schema extensions to postgres, anon, authenticated, service_role, dashboard_user;

grant all on schema extensions to postgres, dashboard_user;

-- The default privileges of hosted Supabase, which migrations replace by explicit revokes and grants. Skipped if the
-- schema auth exists, which is created below in the same transaction.
do $privileges$
declare
  v_creator text;
begin
  if to_regnamespace('auth') is not null then
    return;
  end if;

  grant usage on schema public to postgres, anon, authenticated, service_role;

  foreach v_creator in array array['postgres', session_user::text] loop
    execute format(
      'alter default privileges for role %I in schema public'
      ' grant all on tables to postgres, anon, authenticated, service_role',
      v_creator
    );
    execute format(
      'alter default privileges for role %I in schema public'
      ' grant all on functions to postgres, anon, authenticated, service_role',
      v_creator
    );
    execute format(
      'alter default privileges for role %I in schema public'
      ' grant all on sequences to postgres, anon, authenticated, service_role',
      v_creator
    );
  end loop;
end
$privileges$;

-- The part of Supabase Auth that SQL uses.
create schema if not exists auth authorization supabase_auth_admin;

grant usage on schema auth to postgres, anon, authenticated, service_role, dashboard_user;

create table if not exists auth.users (
  instance_id uuid,
  id uuid primary key,
  aud varchar(255),
  role varchar(255),
  email varchar(255) unique,
  raw_app_meta_data jsonb,
  raw_user_meta_data jsonb,
  created_at timestamptz,
  updated_at timestamptz
);

alter table auth.users owner to supabase_auth_admin;

alter table auth.users enable row level security;

grant select, insert, update, delete, references, trigger on auth.users to postgres;

create or replace function auth.uid()
returns uuid
language sql
stable
as $$
  select coalesce(
    nullif(current_setting('request.jwt.claim.sub', true), ''),
    (nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'sub')
  )::uuid
$$;

create or replace function auth.role()
returns text
language sql
stable
as $$
  select coalesce(
    nullif(current_setting('request.jwt.claim.role', true), ''),
    (nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'role')
  )::text
$$;

create or replace function auth.email()
returns text
language sql
stable
as $$
  select coalesce(
    nullif(current_setting('request.jwt.claim.email', true), ''),
    (nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'email')
  )::text
$$;

create or replace function auth.jwt()
returns jsonb
language sql
stable
as $$
  select coalesce(
    nullif(current_setting('request.jwt.claim', true), ''),
    nullif(current_setting('request.jwt.claims', true), '')
  )::jsonb
$$;

alter function auth.uid() owner to supabase_auth_admin;

alter function auth.role() owner to supabase_auth_admin;

alter function auth.email() owner to supabase_auth_admin;

alter function auth.jwt() owner to supabase_auth_admin;

-- Owned by postgres, so that a migration may add its tables.
do $publication$
begin
  if not exists (select from pg_catalog.pg_publication where pubname = 'supabase_realtime') then
    create publication supabase_realtime;
    alter publication supabase_realtime owner to postgres;
  end if;
end
$publication$;

-- Event triggers that tell PostgREST to reload its schema cache, as on hosted Supabase.
create or replace function extensions.pgrst_ddl_watch()
returns event_trigger
language plpgsql
as $$
begin
  if exists (
    select
    from pg_event_trigger_ddl_commands() as command
    where
      coalesce(command.schema_name, '') not in ('pg_temp', 'auth')
      and command.command_tag in (
        'CREATE SCHEMA', 'ALTER SCHEMA', 'CREATE TABLE', 'CREATE TABLE AS', 'SELECT INTO', 'ALTER TABLE',
        'CREATE FOREIGN TABLE', 'ALTER FOREIGN TABLE', 'CREATE VIEW', 'ALTER VIEW', 'CREATE MATERIALIZED VIEW',
        'ALTER MATERIALIZED VIEW', 'CREATE FUNCTION', 'ALTER FUNCTION', 'CREATE TRIGGER', 'CREATE TYPE',
        'ALTER TYPE', 'CREATE RULE', 'COMMENT'
      )
  ) then
    notify pgrst, 'reload schema';
  end if;
end
$$;

create or replace function extensions.pgrst_drop_watch()
returns event_trigger
language plpgsql
as $$
begin
  if exists (
    select
    from pg_event_trigger_dropped_objects() as dropped
    where
      not dropped.is_temporary
      and coalesce(dropped.schema_name, '') <> 'auth'
      and dropped.object_type in (
        'schema', 'table', 'foreign table', 'view', 'materialized view', 'function', 'trigger', 'type', 'rule'
      )
  ) then
    notify pgrst, 'reload schema';
  end if;
end
$$;

do $watches$
begin
  if not exists (select from pg_catalog.pg_event_trigger where evtname = 'pgrst_ddl_watch') then
    create event trigger pgrst_ddl_watch on ddl_command_end execute function extensions.pgrst_ddl_watch();
  end if;

  if not exists (select from pg_catalog.pg_event_trigger where evtname = 'pgrst_drop_watch') then
    create event trigger pgrst_drop_watch on sql_drop execute function extensions.pgrst_drop_watch();
  end if;
end
$watches$;
