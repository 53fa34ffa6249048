-- Purpose: stores deployments and rollbacks, so that incidents can be linked to the deployment that preceded them.
-- Objects: table public.deployment_history.
-- Risks: a rollback references the deployment it reverts, which cannot be deleted before it.

create table public.deployment_history (
  id bigint generated always as identity primary key,
  service text not null,
  version text not null,
  commit_hash text,
  environment text not null default 'production',
  status public.deployment_status not null default 'pending',
  deployed_by text not null,
  caller text not null default monitoring.current_caller(),
  test_results jsonb not null default '{}',
  started_at timestamptz not null default now(),
  finished_at timestamptz,
  duration interval generated always as (finished_at - started_at) stored,
  rollback_of bigint references public.deployment_history (id) on delete no action,
  rollback_reason text,
  external_id text,
  external_url text,
  constraint service_is_not_blank check (btrim(service) <> ''),
  constraint version_is_not_blank check (btrim(version) <> ''),
  constraint names_of_deployments_are_one_line check (
    monitoring.is_one_line(service || version || environment || deployed_by)
  ),
  constraint commit_hash_is_a_hash check (commit_hash ~ '^[0-9a-f]{7,64}$'),
  constraint test_results_is_an_object check (jsonb_typeof(test_results) = 'object'),
  constraint finished_at_is_not_before_started_at check (finished_at >= started_at),
  constraint finished_deployments_say_when check (
    (status in ('pending', 'in_progress')) = (finished_at is null)
  ),
  constraint rollbacks_say_why check ((rollback_of is null) = (rollback_reason is null)),
  constraint deployments_do_not_roll_back_themselves check (rollback_of <> id),
  constraint external_ids_are_unique unique (external_id)
);

create index deployment_history_service_idx on public.deployment_history (service, environment, started_at desc);

create index deployment_history_started_idx on public.deployment_history (started_at desc);

create index deployment_history_rollback_idx on public.deployment_history (rollback_of)
where rollback_of is not null;

alter table public.deployment_history enable row level security;

create policy deployment_history_is_read_by_agents on public.deployment_history
for select to authenticated
using (true);

revoke all on table public.deployment_history from public, anon, authenticated, service_role;

revoke all on sequence public.deployment_history_id_seq from public, anon, authenticated, service_role;

grant select on table public.deployment_history to authenticated, service_role;

comment on table public.deployment_history is 'Deployments of the product''s services, including rollbacks.';

comment on column public.deployment_history.id is 'Id of the deployment.';

comment on column public.deployment_history.service is 'Service that was deployed.';

comment on column public.deployment_history.version is 'Version that was deployed.';

comment on column public.deployment_history.commit_hash is
'Commit that was deployed: 7 to 64 lower-case hexadecimal digits.';

comment on column public.deployment_history.environment is 'Environment of the deployment, such as production.';

comment on column public.deployment_history.status is 'Status of the deployment.';

comment on column public.deployment_history.deployed_by is
'Person, agent or pipeline that deployed, as the caller says. A label; see caller for who recorded it.';

comment on column public.deployment_history.caller is
'Who recorded the deployment, from the access token: user:<sub>, service_role, or a database role; github when a webhook
of GitHub did.';

comment on column public.deployment_history.test_results is 'Test results, as the pipeline reports them.';

comment on column public.deployment_history.started_at is 'Time at which the deployment started.';

comment on column public.deployment_history.finished_at is
'Time at which the deployment finished, successfully or not.';

comment on column public.deployment_history.duration is 'Time from started_at to finished_at.';

comment on column public.deployment_history.rollback_of is 'Deployment that this deployment rolls back.';

comment on column public.deployment_history.rollback_reason is 'Reason for the rollback.';

comment on column public.deployment_history.external_id is
'Id at GitHub, unique: github:deployment: and the id of the deployment, or github:run: and the id and attempt of the run
of a workflow. Null when a pipeline or a person recorded the deployment.';

comment on column public.deployment_history.external_url is
'Link to the log at GitHub, when it leads to a host in incident_policy.link_hosts.';

-- What a person who edits the table directly is told when a row is refused.
comment on constraint service_is_not_blank on public.deployment_history is
'service must not be blank. Enter the name of the service that was deployed.';

comment on constraint version_is_not_blank on public.deployment_history is
'version must not be blank. Enter the version that was deployed.';

comment on constraint names_of_deployments_are_one_line on public.deployment_history is
'service, version, environment and deployed_by must each be one line. Remove line breaks and invisible characters.';

comment on constraint commit_hash_is_a_hash on public.deployment_history is
'commit_hash must be 7 to 64 lower-case hexadecimal digits, or empty.';

comment on constraint test_results_is_an_object on public.deployment_history is
'test_results must be a JSON object such as {} or {"passed": 12}.';

comment on constraint finished_at_is_not_before_started_at on public.deployment_history is
'finished_at must not be earlier than started_at.';

comment on constraint finished_deployments_say_when on public.deployment_history is
'finished_at is set when, and only when, the status is other than pending and in_progress. Change both together.';

comment on constraint rollbacks_say_why on public.deployment_history is
'rollback_of and rollback_reason belong together. Set both, or leave both empty.';

comment on constraint deployments_do_not_roll_back_themselves on public.deployment_history is
'rollback_of must be the id of another deployment.';

comment on constraint external_ids_are_unique on public.deployment_history is
'Another deployment has this external_id. Leave external_id empty for a deployment that no webhook records.';

comment on constraint deployment_history_pkey on public.deployment_history is
'Another deployment has this id. Leave id out, and it is assigned.';

comment on constraint deployment_history_rollback_of_fkey on public.deployment_history is
'rollback_of must be the id of a deployment that exists, or empty.';
