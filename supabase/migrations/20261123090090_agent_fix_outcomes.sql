-- Purpose: records whether a known fix worked: one outcome per caller and incident.
-- Objects: table monitoring.fix_outcomes; functions monitoring.drop_fix_outcomes, public.record_fix_outcome; trigger
--   outcomes_belong_to_one_fix.
-- Risks: success_rate ranks fixes, so agents have a reason to forge it: an agent's outcome needs an incident of the
--   same error that somebody else reported.

create table monitoring.fix_outcomes (
  knowledge_id bigint not null references public.error_knowledge (id) on delete cascade,
  incident_id text not null references public.incidents (id) on delete cascade,
  caller text not null default monitoring.current_caller(),
  has_worked boolean not null,
  recorded_at timestamptz not null default clock_timestamp(),
  primary key (knowledge_id, incident_id, caller)
);

create index fix_outcomes_incident_idx on monitoring.fix_outcomes (incident_id);

alter table monitoring.fix_outcomes enable row level security;

create policy fix_outcomes_is_read_by_nobody on monitoring.fix_outcomes
for select to authenticated
using (false);

revoke all on table monitoring.fix_outcomes from public, anon, authenticated, service_role;

comment on table monitoring.fix_outcomes is
'Whether a known fix worked: the latest outcome per caller and incident. error_knowledge has their counts.';

comment on column monitoring.fix_outcomes.knowledge_id is 'Fix that was tried.';

comment on column monitoring.fix_outcomes.incident_id is 'Incident that it was tried on.';

comment on column monitoring.fix_outcomes.caller is
'Who recorded the outcome, from the access token: user:<sub>, service_role, or a database role.';

comment on column monitoring.fix_outcomes.has_worked is 'Whether the fix worked.';

comment on column monitoring.fix_outcomes.recorded_at is 'Time at which the outcome was recorded.';

create function monitoring.drop_fix_outcomes()
returns trigger
language plpgsql
volatile
security invoker
set search_path = ''
as $$
begin
  delete from monitoring.fix_outcomes
  where fix_outcomes.knowledge_id = new.id;
  return null;
end
$$;

comment on function monitoring.drop_fix_outcomes() is
'Deletes the outcomes of a fix whose solution or code was changed: they belong to another fix.';

create trigger outcomes_belong_to_one_fix
after update on public.error_knowledge
for each row
when ((old.solution, old.auto_fix_code) is distinct from (new.solution, new.auto_fix_code))
execute function monitoring.drop_fix_outcomes();

create function public.record_fix_outcome(knowledge_id bigint, success boolean, incident_id text)
returns jsonb
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  v_caller text := monitoring.require_subject();
  v_incident public.incidents;
  v_entry public.error_knowledge;
begin
  if record_fix_outcome.success is null then
    perform monitoring.refuse_request(
      'PT400', 'success is missing', 'success', 'Send true if the fix worked, else false.'
    );
  end if;
  v_incident := monitoring.lock_incident(record_fix_outcome.incident_id);
  select error_knowledge.*
  into v_entry
  from public.error_knowledge
  where error_knowledge.id = record_fix_outcome.knowledge_id
  for no key update;
  if not found then
    perform monitoring.refuse_request(
      'PT404', format('there is no knowledge %s', record_fix_outcome.knowledge_id), 'knowledge_id',
      'search_error_knowledge() returns the ids of known errors.'
    );
  elsif (monitoring.read_role() = 'authenticated' or v_incident.knowledge_id is distinct from v_entry.id)
    -- An agent could link every incident to its fix.
    and monitoring.find_signature(v_incident.message, v_incident.error_type) <> v_entry.signature
  then
    perform monitoring.refuse_request(
      'PT409', format('knowledge %s is not a fix of %s', v_entry.id, v_incident.id), 'incident_id',
      'Send an incident of the same error; service_role may also send one that is linked to this fix.'
    );
  elsif monitoring.read_role() = 'authenticated' and exists (
    select
    from public.agent_actions
    where agent_actions.incident_id = v_incident.id
      and agent_actions.action = 'incident_created'
      and agent_actions.caller = v_caller
  ) then
    perform monitoring.refuse_request(
      'PT403', format('%s was reported by the same caller', v_incident.id), 'incident_id',
      'Leave the outcome out: it counts for incidents that somebody else reported.'
    );
  end if;

  insert into monitoring.fix_outcomes (knowledge_id, incident_id, caller, has_worked)
  values (v_entry.id, v_incident.id, v_caller, record_fix_outcome.success)
  on conflict on constraint fix_outcomes_pkey do update
    set has_worked = excluded.has_worked, recorded_at = excluded.recorded_at;
  update public.error_knowledge
  set success_count = counted.successes, failure_count = counted.failures
  from (
    select
      count(*) filter (where fix_outcomes.has_worked) as successes,
      count(*) filter (where not fix_outcomes.has_worked) as failures
    from monitoring.fix_outcomes
    where fix_outcomes.knowledge_id = v_entry.id
  ) as counted
  where error_knowledge.id = v_entry.id
  returning error_knowledge.* into v_entry;
  insert into public.agent_actions (agent, action, incident_id, knowledge_id, success, details)
  values (
    monitoring.read_actor(), 'fix_outcome_recorded', v_incident.id, v_entry.id, true,
    jsonb_build_object('has_worked', record_fix_outcome.success)
  );
  return jsonb_build_object(
    'knowledge_id', v_entry.id, 'success_count', v_entry.success_count, 'failure_count', v_entry.failure_count,
    'success_rate', v_entry.success_rate
  );
end
$$;

revoke all on function public.record_fix_outcome(bigint, boolean, text)
from public, anon, authenticated, service_role;

grant execute on function public.record_fix_outcome(bigint, boolean, text) to authenticated, service_role;

comment on function public.record_fix_outcome(bigint, boolean, text) is
'Records whether a known fix worked for an incident.

One outcome counts per caller and incident; the same caller can correct it. The incident must be one of the same error
(409), or for service_role be linked to the fix, and an agent cannot use incidents that it reported itself (403). Returns
{"knowledge_id", "success_count", "failure_count", "success_rate"}. 404 when the fix or the incident does not exist.
Security definer, because agents may write error_knowledge through such functions only.';
