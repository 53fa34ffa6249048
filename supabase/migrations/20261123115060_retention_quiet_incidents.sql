-- Purpose: closes incidents that nobody closed: live ones without a repeat for incident_policy.auto_resolve_after.
-- Objects: functions monitoring.is_incident_quiet, monitoring.close_quiet_incidents.
-- Risks: last_seen is in no index, so that repeats stay cheap: the job walks through the live incidents in the order in
--   which they opened, in steps. Incidents that another session holds are left to the next run.

-- The walk. first_seen never changes.
create index incidents_live_first_seen_idx on public.incidents (first_seen)
where status <> 'resolved';

create function monitoring.is_incident_quiet(incident public.incidents, since timestamptz)
returns boolean
language sql
immutable
security invoker
set search_path = ''
as $$
  select (is_incident_quiet.incident).status in ('open', 'acknowledged')
    and (is_incident_quiet.incident).claim_caller is null
    -- Those are resolved by us when their cause is gone.
    and (is_incident_quiet.incident).sender <> 'health-check'
    and (is_incident_quiet.incident).fingerprint <> 'sentry:feed'
    and greatest(
      (is_incident_quiet.incident).last_seen, (is_incident_quiet.incident).acknowledged_at,
      (is_incident_quiet.incident).reopened_at
    ) < is_incident_quiet.since
$$;

comment on function monitoring.is_incident_quiet(public.incidents, timestamptz) is
'Returns whether an incident may be closed because nothing happened to it since a time: it is open or acknowledged,
nobody holds it, it was neither repeated nor acknowledged nor reopened, and it is not one that we resolve ourselves, about
a target, a heartbeat, a job or the feed of Sentry.';

create function monitoring.close_quiet_incidents(after timestamptz, batch_size integer)
returns timestamptz
language plpgsql
volatile
strict
security invoker
set search_path = ''
as $$
declare
  v_period constant text := monitoring.config('incident_policy') ->> 'auto_resolve_after';
  v_since constant timestamptz := now() - v_period::interval;
  v_until timestamptz;
  v_fingerprints text[];
begin
  -- 0 means never.
  if v_period::interval <= interval '0' then
    return null;
  end if;
  v_until := (
    select walked.first_seen
    from (
      select incidents.first_seen
      from public.incidents
      where incidents.status <> 'resolved'
        and incidents.first_seen > close_quiet_incidents.after
        and incidents.first_seen < v_since
      order by incidents.first_seen
      limit close_quiet_incidents.batch_size
    ) as walked
    order by walked.first_seen desc
    limit 1
  );
  v_fingerprints := array(
    select incidents.fingerprint
    from public.incidents
    where incidents.status <> 'resolved'
      and incidents.first_seen > close_quiet_incidents.after
      and incidents.first_seen <= v_until
      and monitoring.is_incident_quiet(incidents, v_since)
    order by incidents.fingerprint
    for update skip locked
  );
  perform monitoring.resolve_incidents(
    v_fingerprints,
    'life-cycle',
    'life-cycle',
    format('Closed because it was not reported for %s (incident_policy.auto_resolve_after).', v_period),
    clock_timestamp(),
    '{"reason": "no repeat for incident_policy.auto_resolve_after"}'
  );
  return v_until;
end
$$;

comment on function monitoring.close_quiet_incidents(timestamptz, integer) is
'Looks at the next batch_size live incidents that opened after a time, and at those that opened together with the last
of them, resolves those that are quiet for incident_policy.auto_resolve_after, and returns the time up to which it
looked, for the next call. Null when there are no more, or the period is 0. Suppressed and claimed incidents stay.';
