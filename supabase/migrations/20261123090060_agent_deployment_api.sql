-- Purpose: provides the RPCs that record deployments, and finds the deployment that an incident followed.
-- Objects: functions monitoring.find_deployment, public.record_deployment_started,
--   public.record_deployment_finished, public.record_deployment_rolled_back.
-- Risks: find_deployment() runs for every new incident while a deployment of the last 30 minutes exists.

create function monitoring.find_deployment(
  source text, environment text, context jsonb, happened_at timestamptz default clock_timestamp()
)
returns bigint
language sql
stable
security invoker
set search_path = ''
as $$
  select deployment_history.id
  from public.deployment_history
  where deployment_history.started_at between find_deployment.happened_at - interval '30 minutes'
    and find_deployment.happened_at
    and deployment_history.service in (
      find_deployment.source,
      find_deployment.context ->> 'service',
      find_deployment.context #>> '{sentry,project}',
      find_deployment.context #>> '{targets,0}'
    )
    and (find_deployment.environment is null or deployment_history.environment = find_deployment.environment)
  order by deployment_history.started_at desc, deployment_history.id desc
  limit 1
$$;

comment on function monitoring.find_deployment(text, text, jsonb, timestamptz) is
'Returns the latest deployment of the service of an incident within the 30 minutes before it happened. The
service is the source of the incident, context.service, its Sentry project, or the target of a health check.';

create function public.record_deployment_started(
  service text,
  version text,
  commit_hash text default null,
  environment text default 'production',
  deployed_by text default null
)
returns bigint
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  v_commit text := lower(nullif(btrim(record_deployment_started.commit_hash), ''));
  v_id bigint;
begin
  perform monitoring.require_subject();
  if v_commit !~ '^[0-9a-f]{7,64}$' then
    perform monitoring.refuse_request(
      'PT400', 'commit_hash must be 7 to 64 hexadecimal digits', 'commit_hash', 'Send the hash, or leave it out.'
    );
  end if;
  insert into public.deployment_history (service, version, commit_hash, environment, status, deployed_by, started_at)
  values (
    monitoring.read_required_line('service', record_deployment_started.service, 200),
    monitoring.read_required_line('version', record_deployment_started.version, 200),
    v_commit,
    coalesce(monitoring.read_optional_line('environment', record_deployment_started.environment, 200), 'production'),
    'in_progress',
    coalesce(
      monitoring.deny_operator_name(
        monitoring.read_optional_line('deployed_by', record_deployment_started.deployed_by, 200)
      ),
      monitoring.read_actor()
    ),
    clock_timestamp()
  )
  returning deployment_history.id into v_id;
  return v_id;
end
$$;

revoke all on function public.record_deployment_started(text, text, text, text, text)
from public, anon, authenticated, service_role;

grant execute on function public.record_deployment_started(text, text, text, text, text)
to authenticated, service_role;

comment on function public.record_deployment_started(text, text, text, text, text) is
'Records that a deployment started and returns its id.

Incidents of the service that open within the next 30 minutes are linked to it. deployed_by is a label; the column
caller has the user of the access token. Security definer, because pipelines
may write deployments through such functions only.';

create function public.record_deployment_finished(
  deployment_id bigint, success boolean, test_results jsonb default '{}'
)
returns public.deployment_history
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  v_caller text := monitoring.require_subject();
  v_results jsonb := monitoring.read_document('test_results', record_deployment_finished.test_results, 65536);
  v_deployment public.deployment_history;
begin
  if record_deployment_finished.success is null then
    perform monitoring.refuse_request('PT400', 'success is missing', 'success', 'Send true or false.');
  end if;
  select deployment_history.*
  into v_deployment
  from public.deployment_history
  where deployment_history.id = record_deployment_finished.deployment_id
  for no key update;
  if not found then
    perform monitoring.refuse_request(
      'PT404', format('there is no deployment %s', record_deployment_finished.deployment_id), 'deployment_id',
      'record_deployment_started gives the id.'
    );
  elsif v_deployment.caller <> v_caller and monitoring.read_role() = 'authenticated' then
    perform monitoring.refuse_request(
      'PT403', format('deployment %s belongs to another caller', v_deployment.id), 'deployment_id',
      'The caller that recorded its start records its end, or service_role does.'
    );
  elsif v_deployment.status not in ('pending', 'in_progress') then
    perform monitoring.refuse_request(
      'PT409', format('deployment %s is finished', v_deployment.id), 'deployment_id',
      'The end of a deployment can be recorded once; record a rollback with record_deployment_rolled_back().'
    );
  end if;
  update public.deployment_history
  set
    status = case when record_deployment_finished.success then 'succeeded' else 'failed' end::public.deployment_status,
    finished_at = clock_timestamp(),
    test_results = v_results
  where deployment_history.id = v_deployment.id
  returning deployment_history.* into v_deployment;
  return v_deployment;
end
$$;

revoke all on function public.record_deployment_finished(bigint, boolean, jsonb)
from public, anon, authenticated, service_role;

grant execute on function public.record_deployment_finished(bigint, boolean, jsonb) to authenticated, service_role;

comment on function public.record_deployment_finished(bigint, boolean, jsonb) is
'Records that a deployment succeeded or failed and returns the deployment.

404 when the deployment does not exist, 403 when another caller recorded its start (service_role may record any end),
409 when it has finished already. test_results has at most 64 KiB. Security definer, because pipelines may
write deployments through such functions only.';

create function public.record_deployment_rolled_back(deployment_id bigint, reason text, version text default null)
returns bigint
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  v_reason text := monitoring.read_required_text('reason', record_deployment_rolled_back.reason, 2048);
  v_old public.deployment_history;
  v_caller text := monitoring.require_subject();
  v_version text := monitoring.read_optional_line('version', record_deployment_rolled_back.version, 200);
  v_id bigint;
begin
  select deployment_history.*
  into v_old
  from public.deployment_history
  where deployment_history.id = record_deployment_rolled_back.deployment_id
  for no key update;
  if not found then
    perform monitoring.refuse_request(
      'PT404', format('there is no deployment %s', record_deployment_rolled_back.deployment_id), 'deployment_id',
      'record_deployment_started gives the id.'
    );
  elsif v_old.status = 'rolled_back' then
    perform monitoring.refuse_request(
      'PT409', format('deployment %s was rolled back', v_old.id), 'deployment_id', 'No action is needed.'
    );
  elsif v_old.finished_at is null and v_old.caller <> v_caller and monitoring.read_role() = 'authenticated' then
    perform monitoring.refuse_request(
      'PT403', format('deployment %s belongs to another caller and is not finished', v_old.id), 'deployment_id',
      'The caller that recorded its start records its end, or service_role does.'
    );
  end if;
  if v_version is null then
    v_version := (
      select earlier.version
      from public.deployment_history as earlier
      where earlier.service = v_old.service
        and earlier.environment = v_old.environment
        and earlier.status = 'succeeded'
        and earlier.started_at < v_old.started_at
      order by earlier.started_at desc
      limit 1
    );
  end if;
  if v_version is null then
    perform monitoring.refuse_request(
      'PT400', 'version is missing', 'version', 'No earlier deployment is known: send the version that runs now.'
    );
  end if;
  update public.deployment_history
  set status = 'rolled_back', finished_at = coalesce(deployment_history.finished_at, clock_timestamp())
  where deployment_history.id = v_old.id;
  insert into public.deployment_history (
    service, version, environment, status, deployed_by, started_at, finished_at, rollback_of, rollback_reason
  )
  values (
    v_old.service, v_version, v_old.environment, 'succeeded', monitoring.read_actor(), clock_timestamp(),
    clock_timestamp(), v_old.id, v_reason
  )
  returning deployment_history.id into v_id;
  return v_id;
end
$$;

revoke all on function public.record_deployment_rolled_back(bigint, text, text)
from public, anon, authenticated, service_role;

grant execute on function public.record_deployment_rolled_back(bigint, text, text) to authenticated, service_role;

comment on function public.record_deployment_rolled_back(bigint, text, text) is
'Records that a deployment was rolled back and returns the id of the replacing deployment.

version is the version that runs now; the default is that of the latest earlier deployment that succeeded. 409 when
it was rolled back already, 403 when it is a running one of another caller. Security definer, because pipelines may write deployments through such functions only.';
