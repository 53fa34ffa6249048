-- Purpose: reads the webhooks of GitHub about deployments and about runs of workflows that deploy, and records both in
--   deployment_history.
-- Objects: functions monitoring.read_github_commit, monitoring.read_github_version, monitoring.read_github_service,
--   monitoring.is_github_deployment_run, monitoring.read_github_deployment_status,
--   monitoring.read_github_workflow_run, monitoring.read_github_event, monitoring.apply_deployment_event.
-- Risks: the caller of apply_deployment_event() must hold the advisory lock of the fingerprint. Readers must not raise,
--   whatever the body contains. Incidents are linked to what is recorded here, so a workflow that deploys nothing must
--   not be taken for a deployment.

create function monitoring.read_github_commit(sha text)
returns text
language sql
immutable
parallel safe
security invoker
set search_path = ''
as $$
  select lower(read_github_commit.sha)
  where length(read_github_commit.sha) between 7 and 64
    and translate(lower(read_github_commit.sha), '0123456789abcdef', '') = ''
$$;

comment on function monitoring.read_github_commit(text) is
'Returns the hash of a commit in lower case. Null when it is anything else.';

create function monitoring.read_github_version(ref text, commit_hash text, default_branch text)
returns text
language plpgsql
stable
parallel safe
security invoker
set search_path = ''
as $$
declare
  v_ref text := read_github_version.ref;
begin
  v_ref := case when starts_with(v_ref, 'refs/tags/') then substr(v_ref, 11) else v_ref end;
  -- The default branch and a commit are no version; another branch or a tag says more than the commit does.
  if read_github_version.commit_hash is not null
    and (
      v_ref is null
      or v_ref = read_github_version.default_branch
      or starts_with(v_ref, 'refs/')
      or lower(v_ref) = read_github_version.commit_hash
    )
  then
    return left(read_github_version.commit_hash, 12);
  end if;
  return monitoring.sanitize_line(v_ref, 200);
end
$$;

comment on function monitoring.read_github_version(text, text, text) is
'Returns the version that was deployed: the tag or branch, or the first 12 digits of the commit when it is the default
branch. Null when neither is known.';

create function monitoring.read_github_service(repository jsonb)
returns text
language sql
stable
security invoker
set search_path = ''
as $$
  select monitoring.sanitize_line(
    coalesce(
      monitoring.read_lenient_text(
        monitoring.config('incident_policy') -> 'deployment_services',
        monitoring.read_lenient_text(read_github_service.repository, 'full_name')
      ),
      monitoring.read_lenient_text(read_github_service.repository, 'name')
    ),
    200
  )
$$;

comment on function monitoring.read_github_service(jsonb) is
'Returns the service that a repository deploys: that of incident_policy.deployment_services, else the name of the
repository. Null when the repository is unknown.';

create function monitoring.is_github_deployment_run(body jsonb)
returns boolean
language sql
stable
security invoker
set search_path = ''
as $$
  select exists (
    select
    from jsonb_array_elements_text(monitoring.config('incident_policy') -> 'deployment_workflows') as words (word)
    where strpos(
      lower(
        coalesce(
          monitoring.read_lenient_text(is_github_deployment_run.body, 'workflow', 'name'),
          monitoring.read_lenient_text(is_github_deployment_run.body, 'workflow_run', 'name')
        )
      ),
      lower(words.word)
    ) > 0
  )
  and coalesce(
    not starts_with(
      monitoring.read_lenient_text(is_github_deployment_run.body, 'workflow_run', 'event'), 'pull_request'
    ),
    true
  )
$$;

comment on function monitoring.is_github_deployment_run(jsonb) is
'Returns whether the run of a workflow is a deployment: the name of the workflow contains a word of
incident_policy.deployment_workflows, and no pull request started it.';

create function monitoring.read_github_deployment_status(body jsonb)
returns monitoring.delivery_intent
language plpgsql
stable
security invoker
set search_path = ''
as $$
declare
  v_body jsonb := read_github_deployment_status.body;
  v_id text := monitoring.read_lenient_text(v_body, 'deployment', 'id');
  v_commit text := monitoring.read_github_commit(monitoring.read_lenient_text(v_body, 'deployment', 'sha'));
  v_at timestamptz := monitoring.read_timestamp(v_body #> '{deployment_status,created_at}');
  v_status text := case monitoring.read_lenient_text(v_body, 'deployment_status', 'state')
    when 'in_progress' then 'in_progress'
    when 'success' then 'succeeded'
    when 'failure' then 'failed'
    when 'error' then 'failed'
  end;
  v_intent monitoring.delivery_intent;
begin
  -- queued, pending and waiting: nothing is deployed yet. inactive: a newer deployment took its place.
  if v_id is null or v_status is null then
    return v_intent;
  end if;
  v_intent.verb := 'deploy';
  v_intent.external_id := v_id;
  v_intent.fingerprint := monitoring.delivery_fingerprint('github:deployment', v_id);
  v_intent.occurred_at := v_at;
  v_intent.details := jsonb_build_object(
    'service', monitoring.read_github_service(v_body -> 'repository'),
    'version', monitoring.read_github_version(
      monitoring.read_lenient_text(v_body, 'deployment', 'ref'), v_commit,
      monitoring.read_lenient_text(v_body, 'repository', 'default_branch')
    ),
    'commit', v_commit,
    -- GitHub does not tell Production from production.
    'environment', lower(
      monitoring.sanitize_line(
        coalesce(
          monitoring.read_lenient_text(v_body, 'deployment_status', 'environment'),
          monitoring.read_lenient_text(v_body, 'deployment', 'environment')
        ), 200
      )
    ),
    'status', v_status,
    'by', monitoring.sanitize_line(
      coalesce(
        monitoring.read_lenient_text(v_body, 'deployment', 'creator', 'login'),
        monitoring.read_lenient_text(v_body, 'sender', 'login')
      ), 200
    ),
    'started_at', coalesce(
      case when v_status = 'in_progress' then v_at end,
      monitoring.read_timestamp(v_body #> '{deployment,created_at}'),
      v_at
    ),
    'finished_at', case when v_status <> 'in_progress' then v_at end
  );
  v_intent.external_url := coalesce(
    monitoring.read_lenient_text(v_body, 'deployment_status', 'log_url'),
    monitoring.read_lenient_text(v_body, 'deployment_status', 'target_url')
  );
  return v_intent;
end
$$;

comment on function monitoring.read_github_deployment_status(jsonb) is
'Reads a webhook deployment_status: in_progress, success, failure and error record the deployment. Other states request
nothing.';

create function monitoring.read_github_workflow_run(body jsonb)
returns monitoring.delivery_intent
language plpgsql
stable
security invoker
set search_path = ''
as $$
declare
  v_body jsonb := read_github_workflow_run.body;
  v_run jsonb := v_body -> 'workflow_run';
  v_id text := monitoring.read_lenient_text(v_run, 'id');
  v_commit text := monitoring.read_github_commit(monitoring.read_lenient_text(v_run, 'head_sha'));
  v_branch text := monitoring.read_lenient_text(v_run, 'head_branch');
  v_default_branch text := monitoring.read_lenient_text(v_body, 'repository', 'default_branch');
  v_conclusion text := monitoring.read_lenient_text(v_run, 'conclusion');
  v_status text := case
    when monitoring.read_lenient_text(v_run, 'status') = 'in_progress' then 'in_progress'
    when monitoring.read_lenient_text(v_run, 'status') is distinct from 'completed' then null
    when v_conclusion = 'success' then 'succeeded'
    when v_conclusion in ('failure', 'timed_out', 'startup_failure') then 'failed'
    when v_conclusion = 'cancelled' then 'cancelled'
  end;
  v_intent monitoring.delivery_intent;
begin
  if v_id is null or v_status is null or not monitoring.is_github_deployment_run(v_body) then
    return v_intent;
  end if;
  v_intent.verb := 'deploy';
  v_intent.external_id := concat_ws('-', v_id, coalesce(monitoring.read_lenient_text(v_run, 'run_attempt'), '1'));
  v_intent.fingerprint := monitoring.delivery_fingerprint('github:run', v_intent.external_id);
  v_intent.occurred_at := monitoring.read_timestamp(v_run -> 'updated_at');
  v_intent.details := jsonb_build_object(
    'service', monitoring.read_github_service(v_body -> 'repository'),
    'version', monitoring.read_github_version(v_branch, v_commit, v_default_branch),
    'commit', v_commit,
    -- A run does not say where it deploys to. A tag or a release goes to production, as the default branch does.
    'environment', case
      when v_branch <> v_default_branch
        and monitoring.read_lenient_text(v_run, 'event') is distinct from 'release'
        and translate(left(ltrim(lower(v_branch), 'v'), 1), '0123456789', '') <> ''
        then monitoring.sanitize_line(v_branch, 200)
    end,
    'status', v_status,
    'by', monitoring.sanitize_line(
      coalesce(
        monitoring.read_lenient_text(v_run, 'triggering_actor', 'login'),
        monitoring.read_lenient_text(v_run, 'actor', 'login'),
        monitoring.read_lenient_text(v_body, 'sender', 'login')
      ), 200
    ),
    'started_at', coalesce(
      monitoring.read_timestamp(v_run -> 'run_started_at'), monitoring.read_timestamp(v_run -> 'created_at'),
      v_intent.occurred_at
    ),
    'finished_at', case when v_status <> 'in_progress' then v_intent.occurred_at end
  );
  v_intent.external_url := monitoring.read_lenient_text(v_run, 'html_url');
  return v_intent;
end
$$;

comment on function monitoring.read_github_workflow_run(jsonb) is
'Reads a webhook workflow_run of a workflow that deploys, see is_github_deployment_run(): each attempt of a run is one
deployment, of the environment production, or of the name of its branch when that is neither the default branch nor a
version. Runs that are only requested, were skipped or wait for an approval request nothing.';

create function monitoring.read_github_event(resource text, body jsonb)
returns monitoring.delivery_intent
language plpgsql
stable
security invoker
set search_path = ''
as $$
declare
  v_intent monitoring.delivery_intent;
begin
  case read_github_event.resource
    when 'deployment_status' then
      v_intent := monitoring.read_github_deployment_status(read_github_event.body);
    when 'workflow_run' then
      v_intent := monitoring.read_github_workflow_run(read_github_event.body);
    else
      null; -- ping and all other events request nothing
  end case;
  if v_intent.verb = 'deploy'
    and (v_intent.details ->> 'service' is null or v_intent.details ->> 'version' is null)
  then
    return monitoring.build_empty_intent('it names no repository, or neither a ref nor a commit');
  end if;
  if v_intent.verb = 'deploy' and monitoring.is_allowed_link(v_intent.external_url) then
    v_intent.details := v_intent.details || jsonb_build_object('url', v_intent.external_url);
  end if;
  v_intent.external_url := null;
  return v_intent;
end
$$;

comment on function monitoring.read_github_event(text, jsonb) is
'Reads a webhook of GitHub, by its X-GitHub-Event: deployment_status and workflow_run record a deployment; ping and all
others request nothing.';

create function monitoring.apply_deployment_event(intent monitoring.delivery_intent)
returns monitoring.delivery_outcome
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  v_intent monitoring.delivery_intent := apply_deployment_event.intent;
  v_details jsonb := v_intent.details;
  v_status public.deployment_status := (v_details ->> 'status')::public.deployment_status;
  v_started_at timestamptz := coalesce((v_details ->> 'started_at')::timestamptz, v_intent.sent_at, clock_timestamp());
  v_finished_at timestamptz := case
    when v_status <> 'in_progress'
      then greatest(coalesce((v_details ->> 'finished_at')::timestamptz, v_intent.sent_at, clock_timestamp()), v_started_at)
  end;
  v_former public.deployment_history;
  v_outcome monitoring.delivery_outcome;
begin
  select deployment_history.*
  into v_former
  from public.deployment_history
  where deployment_history.external_id = v_intent.fingerprint
  for no key update;
  if v_former.id is null then
    insert into public.deployment_history (
      service, version, commit_hash, environment, status, deployed_by, caller, started_at, finished_at, external_id,
      external_url
    )
    values (
      v_details ->> 'service', v_details ->> 'version', v_details ->> 'commit',
      coalesce(v_details ->> 'environment', 'production'), v_status,
      coalesce(monitoring.deny_operator_name(v_details ->> 'by'), 'GitHub'), 'github', v_started_at, v_finished_at,
      v_intent.fingerprint, v_details ->> 'url'
    );
    v_outcome.effect := 'deployed';
  elsif v_former.status = v_status then
    v_outcome.effect := 'recorded';
  elsif v_former.status = 'rolled_back' or v_status = 'in_progress' or v_finished_at <= v_former.finished_at then
    v_outcome.effect := 'late';
  else
    update public.deployment_history
    set
      status = v_status,
      finished_at = greatest(v_finished_at, deployment_history.started_at),
      external_url = coalesce(deployment_history.external_url, v_details ->> 'url')
    where deployment_history.id = v_former.id;
    v_outcome.effect := 'deployed';
  end if;
  return v_outcome;
end
$$;

comment on function monitoring.apply_deployment_event(monitoring.delivery_intent) is
'Records the deployment of an intent with the verb deploy, once for each external_id, and returns the effect: deployed;
recorded when nothing changes; late when a later state is known. A state changes forward only: from running to finished,
and from one end to another end that came later. A deployment that was rolled back stays so.';
