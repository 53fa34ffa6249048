-- Purpose: what else can happen to an incident beside being opened and counted, each change with its audit row.
-- Objects: private.note_on_incident(), private.resolve_incidents(), private.suppress_incident(),
-- private.unsuppress_incident(), private.set_incident_severity().
-- Risks: locks are taken by fingerprint, as everywhere.

create function private.note_on_incident(incident_id text, agent text, action text, details jsonb)
returns void
language sql
volatile
security invoker
set search_path = ''
as $$
  insert into public.agent_actions (agent, action, incident_id, success, details)
  values (
    note_on_incident.agent, note_on_incident.action, note_on_incident.incident_id, true,
    jsonb_strip_nulls(note_on_incident.details)
  )
$$;

revoke all on function private.note_on_incident(text, text, text, jsonb)
from public, anon, authenticated, service_role;

comment on function private.note_on_incident(text, text, text, jsonb) is
'Writes the audit row of something that happened to an incident. The details must be sanitised.';

create function private.resolve_incidents(
  fingerprints text[], agent text, resolved_by text, resolution text, resolved_at timestamptz default clock_timestamp()
)
returns bigint
language sql
volatile
security invoker
set search_path = ''
as $$
  with locked as materialized (
    select incidents.id
    from public.incidents
    where incidents.fingerprint = any(resolve_incidents.fingerprints)
      and incidents.status <> 'resolved'
    order by incidents.fingerprint
    for update
  ),

  resolved as (
    update public.incidents
    set
      status = 'resolved',
      resolved_at = greatest(resolve_incidents.resolved_at, incidents.first_seen),
      resolved_by = resolve_incidents.resolved_by,
      resolution = resolve_incidents.resolution
    from locked
    where incidents.id = locked.id
      and incidents.status <> 'resolved'
    returning incidents.id
  ),

  audited as (
    insert into public.agent_actions (agent, action, incident_id, success, details)
    select
      resolve_incidents.agent, 'incident_resolved', resolved.id, true,
      jsonb_build_object(
        'resolution', resolve_incidents.resolution,
        'resolved_by', resolve_incidents.resolved_by
      )
    from resolved
  )

  select count(*)
  from resolved
$$;

revoke all on function private.resolve_incidents(text[], text, text, text, timestamptz)
from public, anon, authenticated, service_role;

comment on function private.resolve_incidents(text[], text, text, text, timestamptz) is
'Resolves the live incidents of these fingerprints, with an audit row each: how many.';

create function private.suppress_incident(incident_id text, agent text, details jsonb)
returns boolean
language plpgsql
volatile
security invoker
set search_path = ''
as $$
begin
  update public.incidents
  set status = 'suppressed'
  where incidents.id = suppress_incident.incident_id
    and incidents.status in ('open', 'acknowledged');
  if not found then
    return false;
  end if;
  perform private.note_on_incident(
    suppress_incident.incident_id, suppress_incident.agent, 'incident_suppressed', suppress_incident.details
  );
  return true;
end
$$;

revoke all on function private.suppress_incident(text, text, jsonb) from public, anon, authenticated, service_role;

comment on function private.suppress_incident(text, text, jsonb) is
'Silences a live incident: repeats are counted, nobody is told. Whether there was something to silence.';

create function private.unsuppress_incident(incident_id text, agent text, details jsonb)
returns boolean
language plpgsql
volatile
security invoker
set search_path = ''
as $$
begin
  update public.incidents
  set status = 'open'
  where incidents.id = unsuppress_incident.incident_id
    and incidents.status = 'suppressed';
  if not found then
    return false;
  end if;
  perform private.note_on_incident(
    unsuppress_incident.incident_id, unsuppress_incident.agent, 'incident_reopened', unsuppress_incident.details
  );
  return true;
end
$$;

revoke all on function private.unsuppress_incident(text, text, jsonb) from public, anon, authenticated, service_role;

comment on function private.unsuppress_incident(text, text, jsonb) is
'Opens a suppressed incident again. Whether there was one.';

create function private.set_incident_severity(
  incident_id text, severity public.incident_severity, rule text, agent text
)
returns boolean
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  v_before public.incident_severity;
begin
  select incidents.severity
  into v_before
  from public.incidents
  where incidents.id = set_incident_severity.incident_id
  for update;
  if v_before is not distinct from set_incident_severity.severity then
    return false;
  end if;
  update public.incidents
  set severity = set_incident_severity.severity, rule = set_incident_severity.rule
  where incidents.id = set_incident_severity.incident_id;
  perform private.note_on_incident(
    set_incident_severity.incident_id,
    set_incident_severity.agent,
    case when set_incident_severity.severity > v_before then 'incident_escalated' else 'incident_lowered' end,
    jsonb_build_object(
      'from', v_before, 'to', set_incident_severity.severity, 'rule', set_incident_severity.rule
    )
  );
  return true;
end
$$;

revoke all on function private.set_incident_severity(text, public.incident_severity, text, text)
from public, anon, authenticated, service_role;

comment on function private.set_incident_severity(text, public.incident_severity, text, text) is
'Gives an incident another severity, worse or better. Whether it was another one.';
