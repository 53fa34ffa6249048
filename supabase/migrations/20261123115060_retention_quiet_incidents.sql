-- Purpose: closes incidents that nobody closed: live ones without a repeat for incident_policy.auto_resolve_after.
-- Objects: functions monitoring.is_incident_quiet, monitoring.close_quiet_incidents.
-- Risks: last_seen is in no index, so that repeats stay cheap: active_hour, which changes once an hour, finds who is
--   quiet. Incidents that another session holds are left to the next run.

create function monitoring.is_incident_quiet(incident public.incidents, since timestamptz)
returns boolean
language plpgsql
immutable
security invoker
set search_path = ''
as $$
begin
  return (is_incident_quiet.incident).status in ('open', 'acknowledged')
    and (is_incident_quiet.incident).claim_caller is null
    -- Those are resolved by us when their cause is gone.
    and (is_incident_quiet.incident).sender <> 'health-check'
    and (is_incident_quiet.incident).fingerprint <> 'sentry:feed'
    and greatest(
      (is_incident_quiet.incident).last_seen, (is_incident_quiet.incident).acknowledged_at,
      (is_incident_quiet.incident).reopened_at
    ) < is_incident_quiet.since;
end
$$;

comment on function monitoring.is_incident_quiet(public.incidents, timestamptz) is
'Returns whether an incident may be closed because nothing happened to it since a time: it is open or acknowledged,
nobody holds it, it was neither repeated nor acknowledged nor reopened, and it is not one that we resolve ourselves, about
a target, a heartbeat, a job or the feed of Sentry.';

create function monitoring.close_quiet_incidents(batch_size integer)
returns bigint
language plpgsql
volatile
strict
security invoker
set search_path = ''
as $$
declare
  v_period constant text := monitoring.config('incident_policy') ->> 'auto_resolve_after';
  v_since constant timestamptz := now() - v_period::interval;
  v_fingerprints text[];
begin
  -- 0 means never.
  if v_period::interval <= interval '0' then
    return 0::bigint;
  end if;
  v_fingerprints := array(
    select idle.fingerprint
    from (
      select incidents.*
      from public.incidents
      where incidents.status in ('open', 'acknowledged')
        and incidents.active_hour < v_since
      order by incidents.active_hour
      -- Those that stay are passed over again by each batch.
      limit 100000
    ) as idle
    where monitoring.is_incident_quiet(idle::public.incidents, v_since)
    limit close_quiet_incidents.batch_size
  );
  v_fingerprints := array(
    select incidents.fingerprint
    from public.incidents
    where incidents.fingerprint = any(v_fingerprints)
      and incidents.status <> 'resolved'
      and monitoring.is_incident_quiet(incidents, v_since)
    order by incidents.fingerprint, incidents.id
    for no key update skip locked
  );
  return monitoring.resolve_incidents(
    v_fingerprints,
    'life-cycle',
    'life-cycle',
    format('Closed because it was not reported for %s (incident_policy.auto_resolve_after).', v_period),
    clock_timestamp(),
    '{"reason": "no repeat for incident_policy.auto_resolve_after"}'
  );
end
$$;

comment on function monitoring.close_quiet_incidents(integer) is
'Resolves at most batch_size incidents that are quiet for incident_policy.auto_resolve_after, those that are quiet
longest first, and returns their number; 0 when the period is 0. Suppressed and claimed incidents stay.';
