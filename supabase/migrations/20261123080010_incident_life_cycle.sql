-- Purpose: enforces the life cycle of an incident for every writer and writes the audit row of each change.
-- Objects: functions monitoring.read_actor, monitoring.read_role, monitoring.read_sender,
--   monitoring.set_change_context, monitoring.check_incident_change, monitoring.audit_new_incidents,
--   monitoring.name_incident_change, monitoring.audit_incident_change; triggers incidents_follow_their_life_cycle,
--   new_incidents_are_audited, incident_changes_are_audited.
-- Risks: only these triggers write the audit rows of changes; functions that change an incident set the actor with
--   set_change_context().

create function monitoring.read_actor()
returns text
language sql
stable
security invoker
set search_path = ''
as $$
  select coalesce(
    case
      when named.token ->> 'role' = 'service_role'
        then nullif(monitoring.join_lines(current_setting('monitoring.operator', true)), '') || ' (operator)'
    end,
    monitoring.deny_operator_name(named.actor)
  )
  from (
    select
      claims.token,
      monitoring.join_lines(
        coalesce(
          claims.token ->> 'agent', claims.token ->> 'email', claims.token ->> 'sub', claims.token ->> 'role',
          session_user::text
        )
      ) as actor
    from (select nullif(current_setting('request.jwt.claims', true), '')::jsonb as token) as claims
  ) as named
$$;

comment on function monitoring.read_actor() is
'Returns the name that the caller goes by: the agent, e-mail, subject or role of the JWT, or the database role outside
of PostgREST. For service_role, the name of the operator that change_incident() set for its transaction, and (operator)
after it, which no token can name. A label: permissions and limits use current_caller(), read_role() and read_sender().';

create function monitoring.read_role()
returns text
language sql
stable
security invoker
set search_path = ''
as $$
  select coalesce(claims.token ->> 'role', session_user::text)
  from (select nullif(current_setting('request.jwt.claims', true), '')::jsonb as token) as claims
$$;

comment on function monitoring.read_role() is
'Returns the role that calls: that of the JWT, or the database role outside of PostgREST.';

create function monitoring.read_sender()
returns text
language sql
stable
security invoker
set search_path = ''
as $$
  select case
    when claims.token is null or claims.token ->> 'role' = 'service_role' then 'server:default'
    -- Trimmed again: a name that ends with a space is refused.
    else 'agent:' || btrim(left(
      coalesce(nullif(monitoring.join_lines(claims.token ->> 'sub'), ''), monitoring.read_actor()), 100
    ))
  end
  from (select nullif(current_setting('request.jwt.claims', true), '')::jsonb as token) as claims
$$;

comment on function monitoring.read_sender() is
'Returns the sender of what the caller reports: agent: and the subject of its JWT, or server:default for service_role
and outside of PostgREST. The same person as in current_caller(), by the name that incidents.sender has.';

create function monitoring.set_change_context(agent text, details jsonb)
returns void
language plpgsql
volatile
security invoker
set search_path = ''
as $$
begin
  perform set_config('monitoring.agent', coalesce(set_change_context.agent, ''), true);
  perform set_config('monitoring.details', coalesce(set_change_context.details, '{}')::text, true);
end
$$;

comment on function monitoring.set_change_context(text, jsonb) is
'Sets the actor of the following changes of incidents in this transaction and the details of their audit rows. The
details must be sanitized. Clear it afterwards with an empty agent.';

create function monitoring.check_incident_change()
returns trigger
language plpgsql
volatile
security invoker
set search_path = ''
as $$
begin
  if (old.status, new.status) not in (
    ('open', 'acknowledged'), ('open', 'suppressed'), ('open', 'resolved'),
    ('acknowledged', 'suppressed'), ('acknowledged', 'resolved'),
    ('suppressed', 'open'), ('suppressed', 'resolved'),
    ('resolved', 'open')
  )
    -- Only the end of a claim takes an acknowledgement back.
    and (old.status <> 'acknowledged' or new.status <> 'open' or old.claim_caller is null)
  then
    raise exception using
      errcode = 'PT409',
      message = format('%s is %s and cannot become %s', old.id, old.status, new.status),
      detail = 'status',
      hint = case old.status
        when 'resolved' then 'Reopen the incident first.'
        when 'suppressed' then 'Reopen the incident first, or resolve it.'
        else 'An open incident can be acknowledged, suppressed or resolved, an acknowledged one suppressed or resolved. '
          'An acknowledged one becomes open only when a claim ends.'
      end;
  end if;
  if new.status <> 'suppressed' then
    new.suppressed_until := null;
  end if;
  if new.status <> 'acknowledged' then
    new.claimed_by := null;
    new.claim_caller := null;
    new.claim_expires_at := null;
  end if;
  if new.status = 'open' then
    new.acknowledged_at := null;
    new.acknowledged_by := null;
  end if;
  if old.status = 'resolved' then
    new.open_before := old.time_to_resolution;
    new.reopened_at := greatest(
      case when new.reopened_at is distinct from old.reopened_at then new.reopened_at else clock_timestamp() end,
      old.resolved_at
    );
  end if;
  return new;
end
$$;

comment on function monitoring.check_incident_change() is
'Rejects a status change that the life cycle does not allow, with PT409, ends the claim of an incident that is no longer
acknowledged, and adds the time that an incident was open when it is reopened. reopened_at is now, unless the statement
sets it.';

create trigger incidents_follow_their_life_cycle
before update on public.incidents
for each row
when (old.status <> new.status)
execute function monitoring.check_incident_change();

create function monitoring.audit_new_incidents()
returns trigger
language plpgsql
volatile
security invoker
set search_path = ''
as $$
begin
  insert into public.agent_actions (agent, action, incident_id, success, details)
  select
    -- upsert_incidents() opens the incidents of several senders in one statement, and sets a context.
    case when current_setting('monitoring.agent', true) <> '' then opened.sender else monitoring.read_actor() end,
    'incident_created',
    opened.id,
    true,
    jsonb_build_object(
      'to', opened.status, 'severity', opened.severity, 'category', opened.category, 'rule', opened.rule
    )
  from opened
  order by opened.fingerprint;
  return null;
end
$$;

comment on function monitoring.audit_new_incidents() is 'Writes the audit rows of new incidents.';

create trigger new_incidents_are_audited
after insert on public.incidents
referencing new table as opened
for each statement execute function monitoring.audit_new_incidents();

create function monitoring.name_incident_change(former public.incidents, latter public.incidents)
returns text
language sql
volatile
security invoker
set search_path = ''
as $$
  select case
    when former.claim_caller is not null and latter.status = 'open'
      then case when former.claim_expires_at <= clock_timestamp() then 'claim_expired' else 'claim_released' end
    when latter.claim_caller <> coalesce(former.claim_caller, '') then 'incident_claimed'
    when latter.claim_caller is not null then 'claim_extended'
    when latter.status = 'open' then 'incident_reopened'
    else 'incident_' || latter.status
  end
$$;

comment on function monitoring.name_incident_change(public.incidents, public.incidents) is
'Returns what the change of the status or of the claim of an incident is called in the audit trail. A claim that becomes
an acknowledgement without end is incident_acknowledged.';

create function monitoring.audit_incident_change()
returns trigger
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  v_agent text := coalesce(nullif(current_setting('monitoring.agent', true), ''), monitoring.read_actor());
  v_details jsonb := coalesce(nullif(current_setting('monitoring.details', true), '')::jsonb, '{}');
begin
  if old.status <> new.status
    or (old.claim_caller, old.claim_expires_at) is distinct from (new.claim_caller, new.claim_expires_at)
  then
    insert into public.agent_actions (agent, action, incident_id, success, details)
    values (
      v_agent,
      monitoring.name_incident_change(old, new),
      new.id,
      true,
      v_details || jsonb_strip_nulls(jsonb_build_object(
        'from', old.status,
        'to', new.status,
        'acknowledged_by', case when new.status = 'acknowledged' then new.acknowledged_by end,
        'claimed_by', coalesce(new.claimed_by, old.claimed_by),
        'claim_expires_at', coalesce(new.claim_expires_at, old.claim_expires_at),
        'until', new.suppressed_until,
        'resolved_at', coalesce(new.resolved_at, old.resolved_at),
        'resolved_by', coalesce(new.resolved_by, old.resolved_by),
        'resolution', coalesce(new.resolution, old.resolution)
      ))
    );
  end if;
  -- An erasure records itself, and not what it erased.
  if old.title <> new.title
    and new.title is distinct from monitoring.erase_text(
      old.title, nullif(current_setting('monitoring.erased_person', true), '')
    )
  then
    insert into public.agent_actions (agent, action, incident_id, success, details)
    values (
      v_agent, 'incident_renamed', new.id, true,
      v_details || jsonb_build_object('from', old.title, 'to', new.title, 'former_message', old.message)
    );
  end if;
  if new.has_manual_severity and not old.has_manual_severity then
    insert into public.agent_actions (agent, action, incident_id, success, details)
    values (
      v_agent, 'incident_severity_frozen', new.id, true,
      v_details || jsonb_build_object('from', old.severity, 'to', new.severity)
    );
  end if;
  if old.severity <> new.severity then
    insert into public.agent_actions (agent, action, incident_id, success, details)
    values (
      v_agent,
      case when new.severity > old.severity then 'incident_escalated' else 'incident_lowered' end,
      new.id,
      true,
      v_details || jsonb_build_object('from', old.severity, 'to', new.severity, 'rule', new.rule)
    );
  end if;
  return null;
end
$$;

comment on function monitoring.audit_incident_change() is
'Writes the audit rows of a change of status, claim, severity or title: who, what, when, from, to.';

create trigger incident_changes_are_audited
after update on public.incidents
for each row
when (
  old.status <> new.status
  or (old.claim_caller, old.claim_expires_at) is distinct from (new.claim_caller, new.claim_expires_at)
  or old.severity <> new.severity
  or old.title <> new.title
  or old.has_manual_severity <> new.has_manual_severity
)
execute function monitoring.audit_incident_change();
