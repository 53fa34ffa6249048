-- Purpose: changes incidents for ingest, Sentry and the health checks: resolve, suppress, change severity. Triggers
--   write the audit rows.
-- Objects: functions monitoring.audit_incident_event, monitoring.resolve_incidents, monitoring.apply_suppression,
--   monitoring.lift_suppression, monitoring.change_incident_severity.
-- Risks: incidents are locked in order of their fingerprints, as everywhere.

create function monitoring.audit_incident_event(incident_id text, agent text, action text, details jsonb)
returns void
language sql
volatile
security invoker
set search_path = ''
as $$
  insert into public.agent_actions (agent, action, incident_id, success, details)
  values (
    audit_incident_event.agent, audit_incident_event.action, audit_incident_event.incident_id, true,
    jsonb_strip_nulls(audit_incident_event.details)
  )
$$;

comment on function monitoring.audit_incident_event(text, text, text, jsonb) is
'Writes the audit row of an event that changes no column of an incident. The details must be sanitized.';

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
      resolved_at = greatest(resolve_incidents.resolved_at, incidents.first_seen, incidents.reopened_at),
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

comment on function monitoring.resolve_incidents(text[], text, text, text, timestamptz, jsonb) is
'Resolves the live incidents of these fingerprints and returns their number. The details are added to their audit
rows.';

create function monitoring.apply_suppression(
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
  perform monitoring.set_change_context(apply_suppression.agent, apply_suppression.details);
  update public.incidents
  set status = 'suppressed', suppressed_until = apply_suppression.suppressed_until
  where incidents.id = apply_suppression.incident_id
    and incidents.status in ('open', 'acknowledged');
  v_is_done := found;
  perform monitoring.set_change_context('', '{}');
  return v_is_done;
end
$$;

comment on function monitoring.apply_suppression(text, text, jsonb, timestamptz) is
'Suppresses an open or acknowledged incident: repeats are counted, nobody is notified. Returns whether it was
suppressed.';

create function monitoring.lift_suppression(incident_id text, agent text, details jsonb)
returns boolean
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  v_is_done boolean;
begin
  perform monitoring.set_change_context(lift_suppression.agent, lift_suppression.details);
  update public.incidents
  set status = 'open'
  where incidents.id = lift_suppression.incident_id
    and incidents.status = 'suppressed';
  v_is_done := found;
  perform monitoring.set_change_context('', '{}');
  return v_is_done;
end
$$;

comment on function monitoring.lift_suppression(text, text, jsonb) is
'Reopens a suppressed incident. Returns whether it was suppressed.';

create function monitoring.change_incident_severity(
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
  perform monitoring.set_change_context(change_incident_severity.agent, '{}');
  update public.incidents
  set severity = change_incident_severity.severity, rule = change_incident_severity.rule
  where incidents.id = change_incident_severity.incident_id
    and incidents.severity <> change_incident_severity.severity
    and not incidents.has_manual_severity;
  v_is_done := found;
  perform monitoring.set_change_context('', '{}');
  return v_is_done;
end
$$;

comment on function monitoring.change_incident_severity(text, public.incident_severity, text, text) is
'Raises or lowers the severity of an incident, unless it was set by hand. Returns whether it changed.';
