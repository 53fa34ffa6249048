-- Purpose: provides the RPCs with which agents and people handle an incident: acknowledge, resolve, reopen,
--   suppress, add a note, set its severity.
-- Objects: functions monitoring.refuse_other_agents, monitoring.find_live_incident, public.acknowledge_incident,
--   public.resolve_incident, public.reopen_incident, public.suppress_incident, public.add_incident_note,
--   public.set_incident_severity, monitoring.end_suppressions.
-- Risks: the triggers of the life cycle reject invalid changes too; these functions only return clearer errors.

create function monitoring.refuse_other_agents(incident public.incidents)
returns void
language plpgsql
volatile
security invoker
set search_path = ''
as $$
begin
  if monitoring.is_claimed_by_another(incident)
    and nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'agent' is not null
  then
    perform monitoring.refuse_request(
      'PT409', monitoring.describe_claim(incident), 'incident_id',
      'Work on another incident: claim_next_incident() returns one. This one is free when its claim ends.'
    );
  end if;
end
$$;

comment on function monitoring.refuse_other_agents(public.incidents) is
'Raises PT409 when another caller holds the incident and the access token names an agent, by its claim agent. People
sign in with the same role and have no such claim: they may take an incident over.';

create function monitoring.find_live_incident(fingerprint text)
returns text
language sql
stable
security invoker
set search_path = ''
as $$
  select incidents.id
  from public.incidents
  where incidents.fingerprint = find_live_incident.fingerprint
    and incidents.status <> 'resolved'
$$;

comment on function monitoring.find_live_incident(text) is
'Returns the id of the incident of an error that is not resolved. Null without one.';

create function public.acknowledge_incident(incident_id text)
returns public.incidents
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  v_incident public.incidents := monitoring.lock_incident(acknowledge_incident.incident_id);
begin
  perform monitoring.refuse_other_agents(v_incident);
  if v_incident.status <> 'open' and v_incident.claim_caller is null then
    perform monitoring.refuse_conflict(
      monitoring.describe_status(v_incident), 'status',
      case v_incident.status
        when 'acknowledged' then 'Add a note instead.'
        when 'suppressed' then 'Reopen the incident first, or resolve it.'
        else 'Reopen the incident first.'
      end
    );
  end if;
  update public.incidents
  set
    status = 'acknowledged',
    -- The clock of a reporter may be ahead.
    acknowledged_at = greatest(clock_timestamp(), incidents.first_seen),
    acknowledged_by = monitoring.read_actor(),
    claimed_by = null,
    claim_caller = null,
    claim_expires_at = null
  where incidents.id = v_incident.id
  returning incidents.* into v_incident;
  return v_incident;
end
$$;

revoke all on function public.acknowledge_incident(text) from public, anon, authenticated, service_role;

grant execute on function public.acknowledge_incident(text) to authenticated, service_role;

comment on function public.acknowledge_incident(text) is
'Acknowledges an open or claimed incident and returns it.

The caller becomes acknowledged_by. An acknowledgement has no end: it ends the claim of the incident, which a person so
takes over, or the holder keeps. 404 when the incident does not exist, 409 when it is not open, or when another agent holds
it and the access token names an agent. Security definer, because agents may change incidents through such functions
only.';

create function public.resolve_incident(
  incident_id text, resolution text, knowledge_id bigint default null, has_worked boolean default null
)
returns public.incidents
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  v_resolution text := monitoring.read_required_text('resolution', resolve_incident.resolution, 4096);
  v_incident public.incidents;
begin
  if resolve_incident.has_worked is not null then
    -- That of record_fix_outcome(), before the incident is locked.
    perform pg_advisory_xact_lock_shared(20261126, 3);
  end if;
  v_incident := monitoring.lock_incident(resolve_incident.incident_id);
  if v_incident.status = 'resolved' then
    perform monitoring.refuse_conflict(
      monitoring.describe_status(v_incident), 'status',
      'Reopen the incident first.'
    );
  end if;
  perform monitoring.refuse_other_agents(v_incident);
  if resolve_incident.has_worked is not null and resolve_incident.knowledge_id is null then
    perform monitoring.refuse_request(
      'PT400', 'the known fix that was used is missing', 'knowledge_id',
      'Choose it (knowledge_id), or do not say whether it worked (has_worked).'
    );
  end if;
  perform monitoring.set_change_context(
    monitoring.read_actor(),
    jsonb_strip_nulls(jsonb_build_object(
      'knowledge_id', resolve_incident.knowledge_id, 'has_worked', resolve_incident.has_worked
    ))
  );
  update public.incidents
  set
    status = 'resolved',
    resolved_at = greatest(clock_timestamp(), incidents.first_seen, incidents.reopened_at),
    resolved_by = monitoring.read_actor(),
    resolution = v_resolution,
    knowledge_id = coalesce(resolve_incident.knowledge_id, incidents.knowledge_id)
  where incidents.id = v_incident.id
  returning incidents.* into v_incident;
  perform monitoring.set_change_context('', '{}');
  if resolve_incident.has_worked is not null then
    perform public.record_fix_outcome(resolve_incident.knowledge_id, resolve_incident.has_worked, v_incident.id);
  end if;
  return v_incident;
exception
  when foreign_key_violation then
    perform monitoring.refuse_request(
      'PT404', format('there is no knowledge %s', resolve_incident.knowledge_id), 'knowledge_id',
      'search_error_knowledge() returns the ids of known errors.'
    );
    return null;
end
$$;

revoke all on function public.resolve_incident(text, text, bigint, boolean)
from public, anon, authenticated, service_role;

grant execute on function public.resolve_incident(text, text, bigint, boolean) to authenticated, service_role;

comment on function public.resolve_incident(text, text, bigint, boolean) is
'Resolves an incident and returns it.

resolution says what fixed it. knowledge_id is the known fix that was used, and has_worked whether it worked, which
record_fix_outcome() counts. It ends the claim of the incident. 404 when the incident or the fix does not exist, 409 when
the incident is resolved already, or when another agent holds it and the access token names an agent. Security definer,
because agents may change incidents through such functions only.';

create function public.reopen_incident(incident_id text, reason text)
returns public.incidents
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  v_reason text := monitoring.read_required_text('reason', reopen_incident.reason, 1024);
  v_incident public.incidents := monitoring.lock_incident(reopen_incident.incident_id);
begin
  if v_incident.status in ('open', 'acknowledged') then
    perform monitoring.refuse_conflict(
      monitoring.describe_status(v_incident), 'status',
      'Only a resolved or suppressed incident can be reopened.'
    );
  end if;
  perform monitoring.set_change_context(
    monitoring.read_actor(),
    jsonb_build_object('reason', v_reason)
  );
  update public.incidents
  set
    status = 'open',
    acknowledged_at = null,
    acknowledged_by = null,
    resolved_at = null,
    resolved_by = null,
    resolution = null
  where incidents.id = v_incident.id
  returning incidents.* into v_incident;
  perform monitoring.set_change_context('', '{}');
  return v_incident;
exception
  when unique_violation then
    perform monitoring.refuse_request(
      'PT409', format(
        'the error of %s has another live incident%s', v_incident.id,
        ': ' || monitoring.find_live_incident(v_incident.fingerprint)
      ),
      'incident_id', 'Use that incident: open_incidents lists it under the same fingerprint.'
    );
    return null;
end
$$;

revoke all on function public.reopen_incident(text, text) from public, anon, authenticated, service_role;

grant execute on function public.reopen_incident(text, text) to authenticated, service_role;

comment on function public.reopen_incident(text, text) is
'Reopens a resolved or suppressed incident and returns it.

409 when the incident is open or acknowledged, or when its error has another live incident. Security definer,
because agents may change incidents through such functions only.';

create function public.suppress_incident(incident_id text, until timestamptz, reason text)
returns public.incidents
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  v_reason text := monitoring.read_required_text('reason', suppress_incident.reason, 1024);
  v_incident public.incidents := monitoring.lock_incident(suppress_incident.incident_id);
begin
  if suppress_incident.until is null
    or not isfinite(suppress_incident.until)
    or suppress_incident.until <= clock_timestamp()
  then
    perform monitoring.refuse_request(
      'PT400', 'until must be in the future', 'until', 'Send a time such as 2026-12-01T08:00:00Z.'
    );
  end if;
  if v_incident.status not in ('open', 'acknowledged') then
    perform monitoring.refuse_conflict(
      monitoring.describe_status(v_incident), 'status',
      'Only an open or acknowledged incident can be suppressed.'
    );
  end if;
  perform monitoring.refuse_other_agents(v_incident);
  perform monitoring.apply_suppression(
    v_incident.id, monitoring.read_actor(), jsonb_build_object('reason', v_reason), suppress_incident.until
  );
  return monitoring.lock_incident(v_incident.id);
end
$$;

revoke all on function public.suppress_incident(text, timestamptz, text) from public, anon, authenticated, service_role;

grant execute on function public.suppress_incident(text, timestamptz, text) to authenticated, service_role;

comment on function public.suppress_incident(text, timestamptz, text) is
'Suppresses an open or acknowledged incident until a time and returns it.

Repeats are counted but nobody is notified; the incident reopens at that time. It ends the claim of the incident. 409 when
the incident is neither open nor acknowledged, or when another agent holds it and the access token names an agent. Security
definer, because agents may change incidents through such functions only.';

create function public.add_incident_note(incident_id text, note text)
returns bigint
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  v_note text := monitoring.read_required_text('note', add_incident_note.note, 8192);
  v_incident public.incidents := monitoring.lock_incident(add_incident_note.incident_id);
  v_id bigint;
begin
  insert into public.agent_actions (agent, action, incident_id, success, details)
  values (
    monitoring.read_actor(), 'incident_noted', v_incident.id, true,
    jsonb_build_object('note', v_note)
  )
  returning agent_actions.id into v_id;
  return v_id;
end
$$;

revoke all on function public.add_incident_note(text, text) from public, anon, authenticated, service_role;

grant execute on function public.add_incident_note(text, text) to authenticated, service_role;

comment on function public.add_incident_note(text, text) is
'Adds a note to the timeline of an incident and returns the id of the entry.

note is sanitized and truncated to 8 kB. Security definer, because agents may write the timeline through such
functions only.';

create function public.set_incident_severity(incident_id text, severity text, reason text)
returns public.incidents
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  v_severity public.incident_severity := monitoring.read_severity(set_incident_severity.severity);
  v_reason text := monitoring.read_required_text('reason', set_incident_severity.reason, 1024);
  v_incident public.incidents := monitoring.lock_incident(set_incident_severity.incident_id);
begin
  if v_severity is null then
    perform monitoring.refuse_request(
      'PT400', 'severity is missing', 'severity', 'Send LOW, MEDIUM, HIGH or CRITICAL.'
    );
  end if;
  perform monitoring.set_change_context(
    monitoring.read_actor(),
    jsonb_build_object('reason', v_reason)
  );
  update public.incidents
  set severity = v_severity, rule = 'manual', has_manual_severity = true
  where incidents.id = v_incident.id
  returning incidents.* into v_incident;
  perform monitoring.set_change_context('', '{}');
  return v_incident;
end
$$;

revoke all on function public.set_incident_severity(text, text, text)
from public, anon, authenticated, service_role;

grant execute on function public.set_incident_severity(text, text, text)
to authenticated, service_role;

comment on function public.set_incident_severity(text, text, text) is
'Sets the severity of an incident by hand and returns the incident.

severity is LOW, MEDIUM, HIGH or CRITICAL, in any case. Repeats and alerts do not change the severity afterwards.
Security definer, because agents may change incidents through such functions only.';

create function monitoring.end_suppressions()
returns bigint
language plpgsql
volatile
security invoker
set search_path = ''
set enable_seqscan = off
as $$
declare
  v_count bigint;
begin
  perform monitoring.set_change_context('life-cycle', '{"reason": "the suppression ended"}');
  with due as materialized (
    select incidents.id
    from public.incidents
    where incidents.suppressed_until <= (select clock_timestamp())
    order by incidents.fingerprint, incidents.id
    for no key update skip locked
  ),

  reopened as (
    update public.incidents
    set status = 'open'
    from due
    where incidents.id = due.id
    returning incidents.id
  )

  select count(*)
  into v_count
  from reopened;
  perform monitoring.set_change_context('', '{}');
  return v_count;
end
$$;

comment on function monitoring.end_suppressions() is
'Reopens incidents whose suppressed_until has passed, and returns their number. pg_cron runs it each minute.';
