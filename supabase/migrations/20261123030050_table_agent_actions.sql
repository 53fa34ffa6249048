-- Purpose: stores the audit trail: every action of an agent, allowed or refused.
-- Objects: table public.agent_actions; function monitoring.refuse_agent_action_change; triggers
--   agent_actions_are_append_only, agent_actions_are_not_truncated.
-- Risks: rows cannot be changed or deleted before retention.agent_actions_days, nor can an incident that they
--   reference. erase_personal_data() replaces words in their texts, and nothing else. The table is not partitioned: a
--   unique index of a partitioned table has to contain the partition key, so that a place in a chain, or the end of an
--   action, could exist twice, and running_actions could not reference its id. It is purged in batches instead, see
--   monitoring.purge_agent_actions().

create table public.agent_actions (
  id bigint generated always as identity primary key,
  agent text not null,
  caller text not null,
  action text not null,
  incident_id text references public.incidents (id) on delete no action,
  knowledge_id bigint references public.error_knowledge (id) on delete no action,
  success boolean,
  error text,
  duration_ms integer,
  safety_checks jsonb not null default '[]',
  safety_verdict text not null default 'not_required',
  details jsonb not null default '{}',
  finishes_id bigint unique,
  created_at timestamptz not null default now(),
  chain text not null generated always as (coalesce(incident_id, caller)) stored,
  chain_position integer not null,
  previous_hash text,
  content_salt uuid not null,
  content_hash text not null,
  hash text not null,
  constraint agent_is_not_blank check (btrim(agent) <> ''),
  constraint agent_is_one_line check (monitoring.is_one_line(agent)),
  constraint action_is_not_blank check (btrim(action) <> ''),
  constraint duration_is_not_negative check (duration_ms >= 0),
  constraint safety_checks_is_a_list check (jsonb_typeof(safety_checks) = 'array'),
  constraint safety_verdict_is_known check (safety_verdict in ('allowed', 'refused', 'not_required')),
  constraint details_is_an_object check (jsonb_typeof(details) = 'object'),
  constraint successes_have_no_error check (error is null or success is not true),
  constraint first_actions_follow_nothing check ((chain_position = 1) = (previous_hash is null)),
  constraint one_action_a_place_in_the_chain unique (chain, chain_position)
);

create index agent_actions_incident_idx on public.agent_actions (incident_id, id)
where incident_id is not null;

create index agent_actions_knowledge_idx on public.agent_actions (knowledge_id)
where knowledge_id is not null;

create index agent_actions_caller_idx on public.agent_actions (caller, created_at desc);

-- For the limits of actions per hour, see count_begun_actions(): what it counts, and nothing else. Ingest writes no
-- such row, so its inserts do not maintain this index.
create index agent_actions_allowed_idx on public.agent_actions (created_at desc, caller)
where safety_verdict = 'allowed' and not details @> '{"dry_run": true}';

create index agent_actions_created_idx on public.agent_actions (created_at desc);

-- Finds the last change of the severity of an incident, however much happened since. Few entries are such changes.
create index agent_actions_severity_idx on public.agent_actions (incident_id, id)
where action in ('incident_severity_frozen', 'incident_escalated', 'incident_lowered');

create index agent_actions_purges_idx on public.agent_actions (id)
where action = 'audit_purged';

-- Finds what was erased from an incident or, for the empty text, from actions without one.
create index agent_actions_erasures_idx on public.agent_actions (coalesce(incident_id, ''), id)
where action = 'personal_data_erased';

alter table public.agent_actions enable row level security;

create policy agent_actions_are_read_by_agents on public.agent_actions
for select to authenticated
using (true);

revoke all on table public.agent_actions from public, anon, authenticated, service_role;

revoke all on sequence public.agent_actions_id_seq from public, anon, authenticated, service_role;

grant select on table public.agent_actions to authenticated, service_role;

comment on table public.agent_actions is
'Audit trail of every action that an agent took or was refused. Append-only: rows leave by retention only.';

comment on column public.agent_actions.id is 'Id of the action, ascending in the order of writing.';

comment on column public.agent_actions.agent is
'Name that the agent, person or job gave itself, such as ingest or fe-agent. A label; see caller for who it was.';

comment on column public.agent_actions.caller is
'Who acted, from the access token: user:<sub>, service_role, or a database role such as postgres. Written by the
database only.';

comment on column public.agent_actions.action is 'What was done, such as incident_created.';

comment on column public.agent_actions.incident_id is 'Incident that the action belongs to.';

comment on column public.agent_actions.knowledge_id is 'Known fix that was used.';

comment on column public.agent_actions.success is 'Whether the action succeeded. Null while that is unknown.';

comment on column public.agent_actions.error is 'Reason of the failure.';

comment on column public.agent_actions.duration_ms is 'Duration of the action in milliseconds.';

comment on column public.agent_actions.safety_checks is
'Checks that were made before the action, with their results: a list of objects.';

comment on column public.agent_actions.safety_verdict is
'Result of the checks: allowed, refused, or not_required for actions that need no permission.';

comment on column public.agent_actions.details is 'Further data of the action, such as the severities from and to.';

comment on column public.agent_actions.finishes_id is
'Id of the action whose end this row records: rows are never changed, so an end is a row of its own. No foreign key,
because the start is purged a little earlier.';

comment on column public.agent_actions.created_at is 'Time of the action.';

comment on column public.agent_actions.chain is
'Hash chain of the action: that of its incident or, without an incident, that of its caller.';

comment on column public.agent_actions.chain_position is 'Position in the chain, from 1.';

comment on column public.agent_actions.previous_hash is 'Hash of the previous action of the chain. Null for the first.';

comment on column public.agent_actions.content_salt is
'Random value that is hashed with the content, so that nobody can guess erased content from its hash. Replaced when the
content is erased.';

comment on column public.agent_actions.content_hash is
'The sha256, in hex, of the texts of the action (agent, error, safety_checks, details) as they were written, see
monitoring.hash_action_content(). It stays when they are erased.';

comment on column public.agent_actions.hash is
'The sha256, in hex, of previous_hash, content_hash and all other columns but the texts, see
monitoring.hash_agent_action().';

-- What a person who edits the table directly is told when a row is refused.
comment on constraint agent_is_not_blank on public.agent_actions is 'agent must not be blank. Enter who acted.';

comment on constraint agent_is_one_line on public.agent_actions is
'agent must be one line. Remove line breaks and invisible characters.';

comment on constraint action_is_not_blank on public.agent_actions is 'action must not be blank. Enter what was done.';

comment on constraint duration_is_not_negative on public.agent_actions is 'duration_ms must be 0 or more, or empty.';

comment on constraint safety_checks_is_a_list on public.agent_actions is
'safety_checks must be a JSON list such as [].';

comment on constraint safety_verdict_is_known on public.agent_actions is
'safety_verdict must be allowed, refused or not_required.';

comment on constraint details_is_an_object on public.agent_actions is 'details must be a JSON object such as {}.';

comment on constraint successes_have_no_error on public.agent_actions is
'An action with an error cannot have success true. Empty error, or set success to false.';

comment on constraint first_actions_follow_nothing on public.agent_actions is
'previous_hash is empty in the first action of a chain only. Leave it out: a trigger writes it.';

comment on constraint agent_actions_finishes_id_key on public.agent_actions is
'The end of that action is recorded already. An action ends once.';

comment on constraint one_action_a_place_in_the_chain on public.agent_actions is
'This place in the chain is taken. Leave chain_position out: a trigger writes it.';

comment on constraint agent_actions_pkey on public.agent_actions is
'Another action has this id. Leave id out, and it is assigned.';

comment on constraint agent_actions_incident_id_fkey on public.agent_actions is
'incident_id of an action must be the id of an incident. An incident in the audit trail cannot be deleted: resolve it
instead.';

comment on constraint agent_actions_knowledge_id_fkey on public.agent_actions is
'knowledge_id of an action must be the id of an entry of error_knowledge. An entry in the audit trail cannot be
deleted: correct it instead.';

create function monitoring.refuse_agent_action_change()
returns trigger
language plpgsql
stable
security invoker
set search_path = ''
as $$
begin
  if tg_op = 'UPDATE' and monitoring.is_recorded_erasure(old, new) then
    return new;
  end if;
  raise exception using
    errcode = 'insufficient_privilege',
    message = format('agent_actions is append-only: %s is refused', lower(tg_op)),
    detail = 'The audit trail must be complete and unchanged.',
    hint = 'Write a new row. Rows older than retention.agent_actions_days can be deleted; erase_personal_data() erases texts.';
end
$$;

comment on function monitoring.refuse_agent_action_change() is
'Rejects changes of audit rows by any role. Only the erasure of personal data may change a row, see
monitoring.is_recorded_erasure(). Deletions are checked by monitoring.record_purged_actions(), once a statement.';

create trigger agent_actions_are_append_only
before update on public.agent_actions
for each row execute function monitoring.refuse_agent_action_change();

create trigger agent_actions_are_not_truncated
before truncate on public.agent_actions
for each statement execute function monitoring.refuse_agent_action_change();
