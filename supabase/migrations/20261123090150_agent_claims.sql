-- Purpose: lets an agent claim an incident for a time: the worst one that nobody handles.
-- Objects: functions monitoring.read_lease, monitoring.find_claimable_incident, monitoring.wait_for_incident,
--   monitoring.write_claim, monitoring.lock_claim, monitoring.name_claim_editor, public.claim_next_incident,
--   public.extend_claim, public.release_claim.
-- Risks: locks are taken in this order: the advisory lock of action starts and ends, shared, so that the kill switch is
--   not set between its check and the claim; the advisory lock of the caller, so that its limit is exact; incidents. An
--   agent that looks for an incident skips those that are locked, and holds none while it waits for one, at most
--   300 ms: nobody can wait for it meanwhile.

create function monitoring.read_lease(lease_seconds integer)
returns interval
language plpgsql
stable
security invoker
set search_path = ''
as $$
declare
  v_seconds integer := coalesce(read_lease.lease_seconds, 900);
begin
  if v_seconds not between 30 and 86400 then
    perform monitoring.refuse_request(
      'PT400', 'lease_seconds must be between 30 and 86400', 'lease_seconds',
      'Send the seconds that you need, such as 900, and call extend_claim() before they are over.'
    );
  end if;
  return make_interval(secs => v_seconds);
end
$$;

comment on function monitoring.read_lease(integer) is
'Returns the length of a claim, 15 minutes when it is missing. Raises PT400 outside of 30 seconds to a day.';

create function monitoring.find_claimable_incident(
  caller text, severity public.incident_severity, category public.incident_category, source text
)
returns text
language plpgsql
volatile
security invoker
set search_path = ''
set plan_cache_mode = force_custom_plan
as $$
declare
  v_id text;
begin
  -- A plan for these filters: the index then decides which incident has them.
  select incidents.id
  into v_id
  from public.incidents
  where incidents.status = 'open'
    and (find_claimable_incident.severity is null or incidents.severity >= find_claimable_incident.severity)
    and (find_claimable_incident.category is null or incidents.category = find_claimable_incident.category)
    and (find_claimable_incident.source is null or incidents.source = find_claimable_incident.source)
    and not exists (
      select
      from monitoring.running_actions
      where running_actions.incident_id = incidents.id
        and running_actions.caller <> find_claimable_incident.caller
    )
  order by incidents.severity desc, incidents.opened_at desc, incidents.id
  limit 1
  for no key update skip locked;
  return v_id;
end
$$;

comment on function monitoring.find_claimable_incident(
  text, public.incident_severity, public.incident_category, text
) is
'Locks the most severe open incident, of these the one that opened last, and returns its id: the order of
open_incidents. Skips incidents that are locked, and those on which another caller runs an action. severity is a
minimum. When it returns null, it may have locked some all the same: an incident that another session changed since the
statement began is locked before it is passed over.';

create function monitoring.wait_for_incident(
  severity public.incident_severity, category public.incident_category, source text
)
returns boolean
language plpgsql
volatile
security invoker
set search_path = ''
set plan_cache_mode = force_custom_plan
set lock_timeout = '300ms'
as $$
begin
  perform
  from public.incidents
  where incidents.id = (
    select worst.id
    from public.incidents as worst
    where worst.status = 'open'
      and (wait_for_incident.severity is null or worst.severity >= wait_for_incident.severity)
      and (wait_for_incident.category is null or worst.category = wait_for_incident.category)
      and (wait_for_incident.source is null or worst.source = wait_for_incident.source)
    order by worst.severity desc, worst.opened_at desc, worst.id
    limit 1
  )
  for no key update;
  return found;
exception
  when lock_not_available then
    return false; -- who has the lock keeps it for longer
end
$$;

comment on function monitoring.wait_for_incident(public.incident_severity, public.incident_category, text) is
'Waits up to 300 ms for the lock of the most severe open incident, and returns whether it got one. While an error is
reported again and again, ingest has the lock nearly always: who only skips locked incidents would not get it.';

create function monitoring.write_claim(incident public.incidents)
returns jsonb
language sql
stable
security invoker
set search_path = ''
as $$
  select jsonb_build_object(
    'id', incident.id,
    'claimed_by', incident.claimed_by,
    'claim_expires_at', incident.claim_expires_at,
    'severity', incident.severity,
    'category', incident.category,
    'status', incident.status,
    'title', incident.title,
    'source', incident.source,
    'environment', incident.environment,
    'release', incident.release,
    'occurrence_count', incident.occurrence_count,
    'first_seen', incident.first_seen,
    'last_seen', incident.last_seen,
    'external_url', incident.external_url,
    'knowledge_id', incident.knowledge_id,
    'deployment_id', incident.deployment_id
  )
$$;

comment on function monitoring.write_claim(public.incidents) is
'Returns a claimed incident without its long texts, which incident_context() returns.';

create function public.claim_next_incident(
  agent text,
  lease_seconds integer default 900,
  severity text default null,
  category text default null,
  source text default null
)
returns jsonb
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  v_agent text := monitoring.read_agent(claim_next_incident.agent);
  v_lease interval := monitoring.read_lease(claim_next_incident.lease_seconds);
  v_severity public.incident_severity := monitoring.read_severity(claim_next_incident.severity);
  v_category public.incident_category := monitoring.read_category(claim_next_incident.category);
  v_source text := monitoring.read_optional_line('source', claim_next_incident.source, 1000);
  v_caller text := monitoring.require_subject();
  v_limit numeric;
  v_ended bigint;
  v_id text;
  v_incident public.incidents;
begin
  perform pg_advisory_xact_lock_shared(20261126, 1);
  perform pg_advisory_xact_lock(20261130, hashtext(v_caller));
  if monitoring.is_kill_switch_on() then
    perform monitoring.refuse_request(
      'PT409', 'the kill switch is on: agents may claim nothing', 'kill_switch', 'Ask the operator, and try again later.'
    );
  end if;
  v_limit := coalesce(monitoring.read_limit('rate_limits', 'claims_per_agent'), 0);
  if v_limit <= (
    select count(*)
    from public.incidents
    where incidents.claim_expires_at > clock_timestamp()
      and incidents.claim_caller = v_caller
  ) then
    perform monitoring.refuse_request(
      'PT409', format('you hold %s incidents, as many as rate_limits.claims_per_agent allows', v_limit), 'agent',
      'Resolve an incident that you hold, or call release_claim() for it.'
    );
  end if;

  begin
    v_ended := monitoring.end_expired_claims();
    v_id := monitoring.find_claimable_incident(v_caller, v_severity, v_category, v_source);
    -- Who has ended claims holds their incidents, and does not wait: the next call does.
    if v_id is null and v_ended = 0 then
      raise exception using errcode = 'no_data_found', message = 'there is no incident to claim';
    end if;
  exception
    when no_data_found then -- releases what was locked and then passed over
      if monitoring.wait_for_incident(v_severity, v_category, v_source) then
        v_id := monitoring.find_claimable_incident(v_caller, v_severity, v_category, v_source);
      end if;
  end;
  if v_id is null then
    return null;
  end if;
  perform monitoring.set_change_context(v_agent, '{}');
  update public.incidents
  set
    status = 'acknowledged',
    -- The clock of a reporter may be ahead.
    acknowledged_at = greatest(clock_timestamp(), incidents.first_seen),
    acknowledged_by = v_agent,
    claimed_by = v_agent,
    claim_caller = v_caller,
    claim_expires_at = clock_timestamp() + v_lease
  where incidents.id = v_id
  returning incidents.* into v_incident;
  perform monitoring.set_change_context('', '{}');
  return monitoring.write_claim(v_incident);
end
$$;

revoke all on function public.claim_next_incident(text, integer, text, text, text)
from public, anon, authenticated, service_role;

grant execute on function public.claim_next_incident(text, integer, text, text, text) to authenticated, service_role;

comment on function public.claim_next_incident(text, integer, text, text, text) is
'Claims the most severe open incident for the caller and returns it, or null when there is none.

The incident is acknowledged until the claim ends: after lease_seconds, 30 to 86400, unless extend_claim() moves the end,
or with release_claim(). Then it is open again and others can claim it. acknowledge_incident() keeps it without an end;
resolve_incident() and suppress_incident() end the claim. agent is a label: the claim belongs to the user of the access
token. severity is the minimum (LOW, MEDIUM, HIGH, CRITICAL), category and source must be equal; case does not matter for
severity and category. Of incidents with the same severity, the one that opened last comes first. Each incident is
claimed by one caller at a time. Returns {"id", "claimed_by", "claim_expires_at", "severity", "category", "status", "title", "source",
"environment", "release", "occurrence_count", "first_seen", "last_seen", "external_url", "knowledge_id", "deployment_id"};
incident_context() has the rest. 403 for a token without sub, 409 while the kill switch is on or when the caller holds as
many incidents as rate_limits.claims_per_agent allows. Security definer, because agents may change incidents through such
functions only.';

create function monitoring.lock_claim(incident_id text)
returns public.incidents
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  v_caller text := monitoring.require_subject();
  v_incident public.incidents := monitoring.lock_incident(lock_claim.incident_id);
begin
  if v_incident.claim_caller is null then
    perform monitoring.refuse_request(
      'PT409', format('%s is %s and nobody holds it', v_incident.id, v_incident.status), 'incident_id',
      'The claim expired, was released, or ended with a resolution, a suppression, an acknowledgement or the kill switch: '
      'see incident_timeline. claim_next_incident() claims an open incident.'
    );
  elsif v_incident.claim_caller <> v_caller and monitoring.read_role() = 'authenticated' then
    perform monitoring.refuse_request(
      'PT403', format('the claim of %s belongs to another caller', v_incident.id), 'incident_id',
      'The caller that claimed an incident extends or releases the claim, or service_role does.'
    );
  end if;
  return v_incident;
end
$$;

comment on function monitoring.lock_claim(text) is
'Locks a claimed incident until commit and returns it. Raises PT404 when it does not exist, PT409 when nobody holds it,
PT403 when another caller does; service_role and the owner may change any claim.';

create function monitoring.name_claim_editor(incident public.incidents)
returns text
language sql
stable
security invoker
set search_path = ''
as $$
  select case
    when incident.claim_caller = monitoring.current_caller() then incident.claimed_by else monitoring.read_actor()
  end
$$;

comment on function monitoring.name_claim_editor(public.incidents) is
'Returns the name under which a change of a claim is recorded: that of the agent for the holder, else that of the
caller.';

create function public.extend_claim(incident_id text, lease_seconds integer default 900)
returns public.incidents
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  v_lease interval := monitoring.read_lease(extend_claim.lease_seconds);
  v_incident public.incidents := monitoring.lock_claim(extend_claim.incident_id);
begin
  if v_incident.claim_expires_at <= clock_timestamp() then
    perform monitoring.refuse_request(
      'PT409', format('the claim of %s has expired', v_incident.id), 'incident_id',
      'Stop working on it, because another agent may. claim_next_incident() claims an open incident.'
    );
  end if;
  perform monitoring.set_change_context(monitoring.name_claim_editor(v_incident), '{}');
  update public.incidents
  set claim_expires_at = clock_timestamp() + v_lease
  where incidents.id = v_incident.id
  returning incidents.* into v_incident;
  perform monitoring.set_change_context('', '{}');
  return v_incident;
end
$$;

revoke all on function public.extend_claim(text, integer) from public, anon, authenticated, service_role;

grant execute on function public.extend_claim(text, integer) to authenticated, service_role;

comment on function public.extend_claim(text, integer) is
'Sets the end of a claim to lease_seconds from now, 30 to 86400, and returns the incident.

Call it before claim_expires_at. 403 when another caller holds the incident, 404 when it does not exist, 409 when the claim
has ended or expired: stop working on the incident then. Security definer, because agents may change incidents through such
functions only.';

create function public.release_claim(incident_id text, reason text)
returns public.incidents
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  v_reason text := monitoring.read_required_text('reason', release_claim.reason, 1024);
  v_incident public.incidents := monitoring.lock_claim(release_claim.incident_id);
begin
  perform monitoring.end_claims(
    array[v_incident.id], monitoring.name_claim_editor(v_incident), jsonb_build_object('reason', v_reason)
  );
  return monitoring.lock_incident(v_incident.id);
end
$$;

revoke all on function public.release_claim(text, text) from public, anon, authenticated, service_role;

grant execute on function public.release_claim(text, text) to authenticated, service_role;

comment on function public.release_claim(text, text) is
'Ends a claim before it expires and returns the incident, which is open again.

reason says why, for whoever claims it next. 403 when another caller holds the incident, 404 when it does not exist, 409
when nobody holds it. Security definer, because agents may change incidents through such functions only.';
