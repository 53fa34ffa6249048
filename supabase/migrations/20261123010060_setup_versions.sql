-- Purpose: says which version the schema has, and compares it with the version of a service that calls.
-- Objects: table monitoring.service_versions; functions monitoring.schema_version, monitoring.describe_version_problem,
--   monitoring.remember_service.
-- Risks: schema_version() must be changed together with the version in pyproject.toml; a test compares them. A service
--   that needs a newer schema is refused, so that a platform does not replace a service that works by it.

create function monitoring.schema_version()
returns text
language sql
immutable
parallel safe
security invoker
set search_path = ''
as $$
  select '0.1.0'
$$;

comment on function monitoring.schema_version() is
'Returns the version of the schema, which is that of the service it was released with: major.minor.patch.';

create table monitoring.service_versions (
  version text primary key,
  first_seen timestamptz not null default now(),
  last_seen timestamptz not null default now(),
  constraint version_is_short check (length(version) between 1 and 40),
  constraint service_was_seen_first_before_last check (first_seen <= last_seen)
);

alter table monitoring.service_versions enable row level security;

create policy service_versions_is_read_by_nobody on monitoring.service_versions
for select to authenticated
using (false);

revoke all on table monitoring.service_versions from public, anon, authenticated, service_role;

comment on table monitoring.service_versions is
'Versions of the services that called service_health(): the 20 seen last, for 90 days.';

comment on column monitoring.service_versions.version is 'Version of the service, as it says itself.';

comment on column monitoring.service_versions.first_seen is 'Time of its first call.';

comment on column monitoring.service_versions.last_seen is 'Time of its last call, up to a minute early.';

create function monitoring.describe_version_problem(service_version text, schema_version text)
returns jsonb
language plpgsql
immutable
strict
parallel safe
security invoker
set search_path = ''
as $$
declare
  c_form constant text := '^([0-9]{1,6})\.([0-9]{1,6})(?:[^0-9].*)?$';
  v_service integer[] := regexp_match(describe_version_problem.service_version, c_form)::integer[];
  v_schema integer[] := regexp_match(describe_version_problem.schema_version, c_form)::integer[];
  v_cause text;
  v_remedy text;
  v_is_compatible boolean := false;
begin
  if v_service = v_schema then
    return null;
  elsif v_service is null then
    v_cause := 'The service does not say which version it is.';
    v_remedy := 'Install it as a package, with `pip install .`.';
    v_is_compatible := true;
  elsif v_service > v_schema then
    v_cause := 'The schema of the database is older than this service.';
    v_remedy := 'Run `supabase db push` for this project.';
  else
    v_is_compatible := v_service[1] = v_schema[1] and v_service[2] + 1 = v_schema[2];
    v_cause := case
      when v_is_compatible then 'The schema of the database is one version newer than this service.'
      else 'The schema of the database is too new for this service.'
    end;
    v_remedy := 'Deploy the service of the same version.';
  end if;
  return jsonb_build_object(
    'cause', v_cause,
    'remedy', v_remedy,
    'is_compatible', v_is_compatible,
    'service_version', left(describe_version_problem.service_version, 40),
    'schema_version', describe_version_problem.schema_version
  );
end
$$;

comment on function monitoring.describe_version_problem(text, text) is
'Returns how the versions of a service and a schema differ: {"cause", "remedy", "is_compatible", "service_version",
"schema_version"}, null if major and minor are the same. A schema that is one minor version newer is compatible,
because a schema is pushed before the service is deployed. cause and remedy contain no version: anybody may read them.';

create function monitoring.remember_service(version text)
returns void
language plpgsql
volatile
strict
security invoker
set search_path = ''
as $$
begin
  -- An agent may call service_health() too, and says nothing about a service.
  if monitoring.current_caller() <> 'service_role'
    or length(remember_service.version) not between 1 and 40
    or current_setting('transaction_read_only')::boolean
    or exists (
      select
      from monitoring.service_versions as known
      where known.version = remember_service.version
        and known.last_seen > now() - interval '1 minute'
    )
  then
    return;
  end if;

  insert into monitoring.service_versions (version)
  values (remember_service.version)
  on conflict on constraint service_versions_pkey do update
    set last_seen = greatest(service_versions.last_seen, excluded.last_seen);

  delete from monitoring.service_versions
  where service_versions.version in (
    select surplus.version
    from monitoring.service_versions as surplus
    order by surplus.last_seen desc, surplus.version
    offset 20
  );
exception
  when insufficient_resources or lock_not_available then
    null; -- a full disk must not make the database look unavailable
end
$$;

comment on function monitoring.remember_service(text) is
'Records that a service of this version called, at most once a minute, and keeps the 20 versions seen last. Does nothing
for other callers than service_role, in a read-only transaction, and while the disk is full.';
