-- Purpose: creates the extensions that all other files need, unless the project has them, and checks their versions.
-- Objects: schema extensions; extensions vector, pg_cron, pg_net; function monitoring.find_vector_schema.
-- Risks: where a project has an extension in another schema, "if not exists" leaves it there. So no file names the
--   schema of vector: its type is found by the search_path, its operators by monitoring.find_vector_schema().

create schema if not exists extensions;

create extension if not exists vector with schema extensions;

create extension if not exists pg_cron;

create extension if not exists pg_net with schema extensions;

do $$
declare
  v_problem text;
begin
  select format(
    'the extension %s has version %s, and the monitoring agent needs %s. Run `alter extension %s update`, or upgrade the '
    'project if that changes nothing, then push again.',
    pg_extension.extname, pg_extension.extversion, needed.version, pg_extension.extname
  )
  into v_problem
  from (
    values
    ('vector', '0.5', array[0, 5]), -- HNSW indexes
    ('pg_cron', '1.5', array[1, 5]) -- schedules in seconds
  ) as needed (name, version, numbers)
  join pg_catalog.pg_extension on pg_extension.extname = needed.name
  where string_to_array(substring(pg_extension.extversion, '^[0-9]+(?:[.][0-9]+)*'), '.')::integer[] < needed.numbers;
  if v_problem is not null then
    raise exception using errcode = 'feature_not_supported', message = v_problem;
  end if;
end
$$;

create function monitoring.find_vector_schema()
returns text
language sql
stable
security invoker
set search_path = ''
as $$
  select quote_ident(pg_namespace.nspname)
  from pg_catalog.pg_extension
  join pg_catalog.pg_namespace on pg_namespace.oid = pg_extension.extnamespace
  where pg_extension.extname = 'vector'
$$;

comment on function monitoring.find_vector_schema() is
'Returns the schema of the extension vector, quoted for use in a search_path or a statement.';
