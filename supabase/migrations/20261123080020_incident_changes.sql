-- Purpose: changes incidents for ingest, Sentry, the health checks and jobs: resolve, suppress, change severity, end
--   claims. Triggers write the audit rows.
-- Objects: functions monitoring.is_claimed_by_another, monitoring.describe_claim, monitoring.describe_status,
--   monitoring.audit_incident_event, monitoring.resolve_incidents, monitoring.apply_suppression,
--   monitoring.lift_suppression, monitoring.change_incident_severity, monitoring.end_claims,
--   monitoring.end_expired_claims.
-- Risks: incidents are locked in order of their fingerprints, as everywhere.

create function monitoring.is_claimed_by_another(incident public.incidents)
returns boolean
language sql
volatile
security invoker
set search_path = ''
as $$
  select coalesce(
    incident.claim_caller <> monitoring.current_caller() and incident.claim_expires_at > clock_timestamp(), false
  )
$$;

comment on function monitoring.is_claimed_by_another(public.incidents) is
'Returns whether another caller holds a claim of the incident that has not expired.';

create function monitoring.describe_claim(incident public.incidents)
returns text
language sql
immutable
security invoker
set search_path = ''
as $$
  select format(
    '%s holds %s until %s UTC',
    incident.claimed_by, incident.id, to_char(incident.claim_expires_at at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS')
  )
$$;

comment on function monitoring.describe_claim(public.incidents) is
'Returns who holds an incident and until when, as a sentence.';

create function monitoring.describe_status(incident public.incidents)
returns text
language plpgsql
stable
security invoker
set search_path = ''
as $$
declare
  v_who text;
begin
  if incident.claim_caller is not null then
    return monitoring.describe_claim(incident);
  end if;
  v_who := case incident.status
    when 'acknowledged' then incident.acknowledged_by
    when 'resolved' then incident.resolved_by
    else (
      select newest.agent
      from (
        select agent_actions.action, agent_actions.agent, agent_actions.id
        from public.agent_actions
        where agent_actions.incident_id = incident.id
        order by agent_actions.id desc
        limit 300
      ) as newest
      where newest.action = case incident.status
        when 'suppressed' then 'incident_suppressed'
        else 'incident_reopened'
      end
      order by newest.id desc
      limit 1
    )
  end;
  return case
    when v_who is null then format('%s is %s', incident.id, incident.status)
    when incident.status = 'open' then format('%s was reopened by %s', incident.id, v_who)
    else format('%s was %s by %s', incident.id, incident.status, v_who)
  end;
end
$$;

comment on function monitoring.describe_status(public.incidents) is
'Returns the status of an incident and who gave it, as a sentence, for somebody who wants to change it and was not the
first. Looks at the latest 300 entries of the timeline.';

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
set enable_seqscan = off
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
    order by incidents.fingerprint, incidents.id
    for no key update
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

create function monitoring.end_claims(incident_ids text[], agent text, details jsonb)
returns bigint
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  v_count bigint;
begin
  perform monitoring.set_change_context(end_claims.agent, end_claims.details);
  update public.incidents
  set status = 'open'
  where incidents.id = any(end_claims.incident_ids)
    and incidents.claim_caller is not null;
  get diagnostics v_count = row_count;
  perform monitoring.set_change_context('', '{}');
  return v_count;
end
$$;

comment on function monitoring.end_claims(text[], text, jsonb) is
'Ends the claims of these incidents, which are open again, and returns their number. The incidents must be locked, the
details sanitized.';

create function monitoring.end_expired_claims()
returns bigint
language sql
volatile
security invoker
set search_path = ''
set enable_seqscan = off
as $$
  select monitoring.end_claims(
    array(
      select incidents.id
      from public.incidents
      where incidents.claim_expires_at <= (select clock_timestamp())
      order by incidents.fingerprint, incidents.id
      for no key update skip locked
    ),
    'life-cycle',
    '{"reason": "the claim expired"}'
  )
$$;

comment on function monitoring.end_expired_claims() is
'Ends the claims that have expired and returns their number. Skips incidents that are locked: the next call ends them.
pg_cron runs it each minute, and every agent that wants to claim an incident.';
