-- Purpose: the audit trail: everything an agent did, allowed or refused.
-- Objects: public.agent_actions, its append-only trigger.
-- Risks: an incident with a trail cannot be deleted before the trail has outlived retention.agent_actions_days.

create table public.agent_actions (
  id bigint generated always as identity primary key,
  agent text not null,
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
  chain_position integer,
  previous_hash text,
  hash text,
  constraint agent_is_not_blank check (btrim(agent) <> ''),
  constraint action_is_not_blank check (btrim(action) <> ''),
  constraint duration_is_not_negative check (duration_ms >= 0),
  constraint safety_checks_is_a_list check (jsonb_typeof(safety_checks) = 'array'),
  constraint safety_verdict_is_known check (safety_verdict in ('allowed', 'refused', 'not_required')),
  constraint details_is_an_object check (jsonb_typeof(details) = 'object'),
  constraint successes_have_no_error check (error is null or success is not true),
  constraint chained_actions_have_a_hash check ((chain_position is null) = (hash is null)),
  constraint one_action_a_place_in_the_chain unique (incident_id, chain_position)
);

create index agent_actions_incident_idx on public.agent_actions (incident_id, id)
where incident_id is not null;

create index agent_actions_knowledge_idx on public.agent_actions (knowledge_id)
where knowledge_id is not null;

create index agent_actions_agent_idx on public.agent_actions (agent, created_at desc);

create index agent_actions_created_idx on public.agent_actions (created_at desc);

alter table public.agent_actions enable row level security;

create policy agent_actions_are_read_by_agents on public.agent_actions
for select to authenticated
using (true);

revoke all on table public.agent_actions from public, anon, authenticated, service_role;

revoke all on sequence public.agent_actions_id_seq from public, anon, authenticated, service_role;

grant select on table public.agent_actions to authenticated, service_role;

comment on table public.agent_actions is
'Audit trail of every action an agent took or was refused. Append-only: rows leave by retention alone.';

comment on column public.agent_actions.id is 'Number of the action, in the order they were written.';

comment on column public.agent_actions.agent is 'Who acted, such as ingest or fe-agent.';

comment on column public.agent_actions.action is 'What was done, such as incident_created.';

comment on column public.agent_actions.incident_id is 'Incident it was done for.';

comment on column public.agent_actions.knowledge_id is 'Known fix that was used.';

comment on column public.agent_actions.success is 'Whether it worked. Null while that is not known.';

comment on column public.agent_actions.error is 'Why it did not work.';

comment on column public.agent_actions.duration_ms is 'Milliseconds it took.';

comment on column public.agent_actions.safety_checks is
'Every check made before it, with its verdict: a list of objects.';

comment on column public.agent_actions.safety_verdict is
'What the checks said together: allowed, refused, or not_required for what needs no permission.';

comment on column public.agent_actions.details is 'What else belongs to the record, such as severities from and to.';

comment on column public.agent_actions.finishes_id is
'The action that this row tells the end of: a row is never changed, so its end is another one. No foreign key: the
beginning outlives its retention a little earlier.';

comment on column public.agent_actions.created_at is 'When it was done.';

comment on column public.agent_actions.chain_position is
'Its place among the actions of its incident, from 1. Null without an incident.';

comment on column public.agent_actions.previous_hash is 'The hash of the action before it. Null for the first.';

comment on column public.agent_actions.hash is
'The sha256 of previous_hash and everything else in this row, in hex: monitoring.hash_agent_action().';

create function monitoring.refuse_agent_action_change()
returns trigger
language plpgsql
stable
security invoker
set search_path = ''
as $$
begin
  if tg_op = 'DELETE'
    and old.created_at < now() - make_interval(days => (monitoring.config('retention') ->> 'agent_actions_days')::integer)
  then
    return old;
  end if;
  raise exception using
    errcode = 'insufficient_privilege',
    message = format('agent_actions is append-only: %s is refused', lower(tg_op)),
    detail = 'The audit trail must show what happened, not what somebody wished had happened.',
    hint = 'Write a new row. Rows older than retention.agent_actions_days can be deleted.';
end
$$;

comment on function monitoring.refuse_agent_action_change() is
'Refuses to change or remove audit rows, whoever asks, but for the deletion of those past their retention.';

create trigger agent_actions_are_append_only
before update or delete on public.agent_actions
for each row execute function monitoring.refuse_agent_action_change();

create trigger agent_actions_are_not_truncated
before truncate on public.agent_actions
for each statement execute function monitoring.refuse_agent_action_change();
