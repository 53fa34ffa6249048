-- Purpose: records whether a known fix worked: one outcome per caller and incident. A regression is a failure.
-- Objects: table monitoring.fix_outcomes; functions monitoring.drop_fix_outcomes, monitoring.count_fix_outcomes,
--   public.record_fix_outcome, monitoring.lock_fixes, monitoring.lock_fixes_of_errors, monitoring.fail_fixes,
--   monitoring.fail_fixes_of_reopened_incident, monitoring.fail_fixes_of_former_incidents; triggers
--   outcomes_belong_to_one_fix, reopened_incidents_fail_their_fixes, new_incidents_fail_former_fixes.
-- Risks: success_rate ranks fixes, so agents have a reason to forge it: an agent's outcome needs an incident of the
--   same error that somebody else reported. The triggers on incidents run while reports are stored.

create table monitoring.fix_outcomes (
  knowledge_id bigint not null references public.error_knowledge (id) on delete cascade,
  incident_id text not null references public.incidents (id) on delete cascade,
  caller text not null default monitoring.current_caller(),
  has_worked boolean not null,
  recorded_at timestamptz not null default clock_timestamp(),
  primary key (knowledge_id, incident_id, caller)
);

create index fix_outcomes_incident_idx on monitoring.fix_outcomes (incident_id);

-- Whether any fix could be failed by a new incident: in most installations none.
create index fix_outcomes_worked_idx on monitoring.fix_outcomes (incident_id)
where has_worked;

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

create function monitoring.count_fix_outcomes(knowledge_id bigint)
returns public.error_knowledge
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  v_entry public.error_knowledge;
begin
  update public.error_knowledge
  set success_count = counted.successes, failure_count = counted.failures
  from (
    select
      count(*) filter (where fix_outcomes.has_worked) as successes,
      count(*) filter (where not fix_outcomes.has_worked) as failures
    from monitoring.fix_outcomes
    where fix_outcomes.knowledge_id = count_fix_outcomes.knowledge_id
  ) as counted
  where error_knowledge.id = count_fix_outcomes.knowledge_id
  returning error_knowledge.* into v_entry;
  return v_entry;
end
$$;

comment on function monitoring.count_fix_outcomes(bigint) is
'Counts the outcomes of a fix in its entry of error_knowledge and returns the entry.';

create function public.record_fix_outcome(knowledge_id bigint, has_worked boolean, incident_id text)
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
  if record_fix_outcome.has_worked is null then
    perform monitoring.refuse_request(
      'PT400', 'has_worked is missing', 'has_worked', 'Send true if the fix worked, else false.'
    );
  end if;
  -- The judgement of health checks locks incidents in several steps, and their known fixes in between.
  perform pg_advisory_xact_lock_shared(20261126, 3);
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
  values (v_entry.id, v_incident.id, v_caller, record_fix_outcome.has_worked)
  on conflict on constraint fix_outcomes_pkey do update
    set has_worked = excluded.has_worked, recorded_at = excluded.recorded_at;
  v_entry := monitoring.count_fix_outcomes(v_entry.id);
  insert into public.agent_actions (agent, action, incident_id, knowledge_id, success, details)
  values (
    monitoring.read_actor(), 'fix_outcome_recorded', v_incident.id, v_entry.id, true,
    jsonb_build_object('has_worked', record_fix_outcome.has_worked)
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

has_worked says whether it did. One outcome counts per caller and incident; the same caller can correct it, and when
the error comes back after the resolution, it becomes a failure (fix_regressed on the timeline). The incident must be
one of the same error (409), or for service_role be linked to the fix, and an agent cannot use incidents that it
reported itself (403). Returns {"knowledge_id", "success_count", "failure_count", "success_rate"}. 404 when the fix or the incident does not exist.
Security definer, because agents may write error_knowledge through such functions only.';

create function monitoring.lock_fixes(incident_ids text[])
returns setof bigint
language sql
volatile
security invoker
set search_path = ''
as $$
  select error_knowledge.id
  from public.error_knowledge
  where error_knowledge.id in (
    select fix_outcomes.knowledge_id
    from monitoring.fix_outcomes
    where fix_outcomes.incident_id = any(lock_fixes.incident_ids)
      and fix_outcomes.has_worked
  )
  order by error_knowledge.id
  for no key update
$$;

comment on function monitoring.lock_fixes(text[]) is
'Locks, in order, the fixes that worked for these incidents, and returns their ids. Who fails the fixes of several
incidents calls it for all of them first.';

create function monitoring.lock_fixes_of_errors(fingerprints text[])
returns void
language plpgsql
volatile
security invoker
set search_path = ''
set enable_seqscan = off
as $$
begin
  -- In most installations no fix has worked yet.
  if lock_fixes_of_errors.fingerprints <> '{}' and exists (
    select
    from monitoring.fix_outcomes
    where fix_outcomes.has_worked
  ) then
    perform monitoring.lock_fixes(array(
      select found.id
      from unnest(lock_fixes_of_errors.fingerprints) as given (fingerprint)
      cross join lateral (
        (
          select incidents.id
          from public.incidents
          where incidents.fingerprint = given.fingerprint
            and incidents.status <> 'resolved'
        )
        union all
        (
          select incidents.id
          from public.incidents
          where incidents.fingerprint = given.fingerprint
            and incidents.status = 'resolved'
          order by incidents.resolved_at desc
          limit 1
        )
      ) as found
    ));
  end if;
end
$$;

comment on function monitoring.lock_fixes_of_errors(text[]) is
'Locks, in order, the fixes that a repeat of these errors, or several in a row, may fail: those that worked for the live
incidents and for the ones that were resolved last. The incidents must be locked.';

create function monitoring.fail_fixes(resolved_id text, regressed_id text)
returns void
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  v_knowledge_id bigint;
begin
  -- The entry is locked before its outcomes, as in record_fix_outcome().
  for v_knowledge_id in
    select locked.knowledge_id
    from monitoring.lock_fixes(array[fail_fixes.resolved_id]) as locked (knowledge_id)
  loop
    update monitoring.fix_outcomes
    set has_worked = false, recorded_at = clock_timestamp()
    where fix_outcomes.knowledge_id = v_knowledge_id
      and fix_outcomes.incident_id = fail_fixes.resolved_id
      and fix_outcomes.has_worked;
    -- What was failed already is not failed again: one regression counts once.
    continue when not found;
    perform monitoring.count_fix_outcomes(v_knowledge_id);
    insert into public.agent_actions (agent, action, incident_id, knowledge_id, success, details)
    values (
      coalesce(nullif(current_setting('monitoring.agent', true), ''), monitoring.read_actor()),
      'fix_regressed', fail_fixes.regressed_id, v_knowledge_id, true,
      jsonb_build_object('resolved_incident', fail_fixes.resolved_id, 'has_worked', false)
    );
  end loop;
end
$$;

comment on function monitoring.fail_fixes(text, text) is
'Records that the fixes of a resolved incident did not work, because its error came back, and writes the audit rows of
the incident in which it came back.';

create function monitoring.fail_fixes_of_reopened_incident()
returns trigger
language plpgsql
volatile
security invoker
set search_path = ''
as $$
begin
  perform monitoring.fail_fixes(new.id, new.id);
  return null;
end
$$;

comment on function monitoring.fail_fixes_of_reopened_incident() is
'Records that the fixes of an incident did not work when the error occurred again after its resolution.';

-- Reopening by hand is no occurrence: nobody can fail the fixes of others by it.
create trigger reopened_incidents_fail_their_fixes
after update on public.incidents
for each row
when (old.status = 'resolved' and new.status = 'open' and new.last_seen > old.resolved_at)
execute function monitoring.fail_fixes_of_reopened_incident();

create function monitoring.fail_fixes_of_former_incidents()
returns trigger
language plpgsql
volatile
security invoker
set search_path = ''
set enable_seqscan = off
as $$
begin
  if exists (
    select
    from monitoring.fix_outcomes
    where fix_outcomes.has_worked
  ) then
    perform monitoring.lock_fixes(array_agg(former.id))
    from opened
    cross join lateral (
      select incidents.id
      from public.incidents
      where incidents.fingerprint = opened.fingerprint
        and incidents.status = 'resolved'
        and incidents.id <> opened.id
      order by incidents.resolved_at desc
      limit 1
    ) as former;
    perform monitoring.fail_fixes(former.id, opened.id)
    from opened
    cross join lateral (
      select incidents.id
      from public.incidents
      where incidents.fingerprint = opened.fingerprint
        and incidents.status = 'resolved'
        and incidents.id <> opened.id
      order by incidents.resolved_at desc
      limit 1
    ) as former
    order by opened.fingerprint;
  end if;
  return null;
end
$$;

comment on function monitoring.fail_fixes_of_former_incidents() is
'Records for new incidents that the fixes of the incident that was resolved last with the same fingerprint did not
work.';

-- After new_incidents_are_audited: triggers run in the order of their names.
create trigger new_incidents_fail_former_fixes
after insert on public.incidents
referencing new table as opened
for each statement execute function monitoring.fail_fixes_of_former_incidents();
