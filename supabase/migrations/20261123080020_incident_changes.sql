-- Purpose: what else can happen to an incident beside being opened and counted. Triggers write the audit rows.
-- Objects: monitoring.note_on_incident(), monitoring.resolve_incidents(), monitoring.suppress_incident(),
-- monitoring.unsuppress_incident(), monitoring.set_incident_severity().
-- Risks: locks are taken by fingerprint, as everywhere.

create function monitoring.note_on_incident(incident_id text, agent text, action text, details jsonb)
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

revoke all on function monitoring.note_on_incident(text, text, text, jsonb)
from public, anon, authenticated, service_role;

comment on function monitoring.note_on_incident(text, text, text, jsonb) is
'Writes the audit row of something that happened to an incident. The details must be sanitised.';

create function monitoring.resolve_incidents(
  fingerprints text[],
  agent text,
  resolved_by text,
  resolution text,
  resolved_at timestamptz default clock_timestamp(),
  details jsonb default '{}'
)
returns bigint
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  v_count bigint;
begin
  perform monitoring.set_change_context(resolve_incidents.agent, resolve_incidents.details);
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
  )

  select count(*)
  into v_count
  from resolved;
  perform monitoring.set_change_context('', '{}');
  return v_count;
end
$$;

revoke all on function monitoring.resolve_incidents(text[], text, text, text, timestamptz, jsonb)
from public, anon, authenticated, service_role;

comment on function monitoring.resolve_incidents(text[], text, text, text, timestamptz, jsonb) is
'Resolves the live incidents of these fingerprints: how many. The details go on their audit rows.';

create function monitoring.suppress_incident(
  incident_id text, agent text, details jsonb, suppressed_until timestamptz default null
)
returns boolean
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  v_is_done boolean;
begin
  perform monitoring.set_change_context(suppress_incident.agent, suppress_incident.details);
  update public.incidents
  set status = 'suppressed', suppressed_until = suppress_incident.suppressed_until
  where incidents.id = suppress_incident.incident_id
    and incidents.status in ('open', 'acknowledged');
  v_is_done := found;
  perform monitoring.set_change_context('', '{}');
  return v_is_done;
end
$$;

revoke all on function monitoring.suppress_incident(text, text, jsonb, timestamptz)
from public, anon, authenticated, service_role;

comment on function monitoring.suppress_incident(text, text, jsonb, timestamptz) is
'Silences a live incident: repeats are counted, nobody is told. Whether there was something to silence.';

create function monitoring.unsuppress_incident(incident_id text, agent text, details jsonb)
returns boolean
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  v_is_done boolean;
begin
  perform monitoring.set_change_context(unsuppress_incident.agent, unsuppress_incident.details);
  update public.incidents
  set status = 'open'
  where incidents.id = unsuppress_incident.incident_id
    and incidents.status = 'suppressed';
  v_is_done := found;
  perform monitoring.set_change_context('', '{}');
  return v_is_done;
end
$$;

revoke all on function monitoring.unsuppress_incident(text, text, jsonb) from public, anon, authenticated, service_role;

comment on function monitoring.unsuppress_incident(text, text, jsonb) is
'Opens a suppressed incident again. Whether there was one.';

create function monitoring.set_incident_severity(
  incident_id text, severity public.incident_severity, rule text, agent text
)
returns boolean
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  v_is_done boolean;
begin
  perform monitoring.set_change_context(set_incident_severity.agent, '{}');
  update public.incidents
  set severity = set_incident_severity.severity, rule = set_incident_severity.rule
  where incidents.id = set_incident_severity.incident_id
    and incidents.severity <> set_incident_severity.severity
    and not incidents.has_manual_severity;
  v_is_done := found;
  perform monitoring.set_change_context('', '{}');
  return v_is_done;
end
$$;

revoke all on function monitoring.set_incident_severity(text, public.incident_severity, text, text)
from public, anon, authenticated, service_role;

comment on function monitoring.set_incident_severity(text, public.incident_severity, text, text) is
'Gives an incident another severity, worse or better, unless somebody set it by hand: whether it did.';
