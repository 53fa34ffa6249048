-- Purpose: computes the overall state of the product as one word, for signed-in readers and for the public.
-- Objects: functions monitoring.is_observed_outage, monitoring.overall_state.
-- Risks: the states of targets are as old as the last round: when no round has run for 3 minutes, they are not used.
--   Everybody sees the word: no report and no change of an incident by hand may make it outage, and nobody who copied a
--   public key may change it. The public sees no private target and no incident: its word is that of public targets.

create function monitoring.is_observed_outage(incident public.incidents)
returns boolean
language sql
stable
security invoker
set search_path = ''
as $$
  select incident.sender = 'health-check'
    and incident.fingerprint not like 'health-check:certificate:%'
    and not incident.has_manual_severity
    and not exists (
      select
      from public.agent_actions
      where agent_actions.incident_id = incident.id
        and agent_actions.action = 'incident_reopened'
        and agent_actions.created_at > incident.last_seen
    )
$$;

comment on function monitoring.is_observed_outage(public.incidents) is
'Returns whether the health checks themselves see what an incident is about: it is no certificate that expires soon, no
severity that was set by hand, and they have seen it since it was reopened.';

create function monitoring.overall_state(is_public boolean default false)
returns text
language sql
stable
security invoker
set search_path = ''
as $$
  with live as (
    -- One look into an index each, however many incidents are live.
    select
      (
        select incidents.severity
        from public.incidents
        where incidents.status <> 'resolved'
          and incidents.status <> 'suppressed'
          and (incidents.sender not like 'public:%' or incidents.has_manual_severity)
        order by incidents.severity desc
        limit 1
      ) as worst,
      (
        select incidents.severity
        from public.incidents
        where incidents.status <> 'resolved'
          and incidents.status <> 'suppressed'
          and incidents.sender = 'health-check'
          and monitoring.is_observed_outage(incidents)
        order by incidents.severity desc
        limit 1
      ) as worst_observed
    where not overall_state.is_public
    union all
    select
      max(incidents.severity),
      max(incidents.severity) filter (where monitoring.is_observed_outage(incidents))
    from monitoring.probe_targets
    join public.incidents on incidents.fingerprint = 'health-check:target:' || probe_targets.name
    where overall_state.is_public
      and probe_targets.is_public
      and probe_targets.is_enabled
      and incidents.status <> 'resolved'
      and incidents.status <> 'suppressed'
      and incidents.sender = 'health-check'
    having overall_state.is_public
  ),

  targets as (
    select
      count(*) as size,
      -- Evaluated from left to right: windows are read for the few targets that are not up only.
      count(*) filter (
        where target_states.status = 'down'
          and probe_targets.type <> 'heartbeat'
          and not monitoring.is_in_maintenance(target_states.target, now())
      ) as down,
      count(*) filter (
        where (
          target_states.status in ('degraded', 'disputed')
          or (target_states.status = 'down' and probe_targets.type = 'heartbeat')
        )
          and not monitoring.is_in_maintenance(target_states.target, now())
      ) as degraded,
      count(*) filter (where coalesce(target_states.status, 'pending') in ('unknown', 'pending')) as unknown
    from monitoring.probe_targets
    left join monitoring.target_states on target_states.target = probe_targets.name
    where probe_targets.is_enabled
      and (probe_targets.is_public or not overall_state.is_public)
      and (probe_targets.is_paused and monitoring.is_paused_by_owner(probe_targets)) is not true
      and target_states.paused_at is null
  ),

  rounds as (
    select
      (monitoring.config('feature_flags') ->> 'monitoring')::boolean
      and coalesce(
        (
          select max(job_runs.ran_at) > now() - interval '3 minutes'
          from monitoring.job_runs
          where job_runs.job = 'monitoring-health-checks'
        ),
        false
      ) as are_running,
      (monitoring.describe_judgement() ->> 'is_late')::boolean as are_judged_late
  )

  select case
    when live.worst_observed = 'CRITICAL' or (rounds.are_running and targets.down > 0) then 'outage'
    when rounds.are_judged_late then 'unknown'
    when live.worst >= 'HIGH' or (rounds.are_running and targets.degraded > 0) then 'degraded'
    when targets.size = 0 then 'no_targets'
    when not rounds.are_running or targets.unknown = targets.size then 'unknown'
    else 'operational'
  end
  from live, targets, rounds
$$;

comment on function monitoring.overall_state(boolean) is
'Returns outage, degraded, unknown, no_targets or operational. outage: a CRITICAL incident of the health checks is open
or acknowledged, or a target is down outside of maintenance. What others report is no observation of ours, nor is a
certificate that expires soon, a severity that was set by hand, or an incident that the health checks have not seen since
it was reopened. degraded: a HIGH or CRITICAL incident of any sender but public keys, a degraded or disputed target, or a
heartbeat that is down: a job that failed is no outage of the product. An incident of a public key counts once its
severity is set by hand, because anybody can copy the key and open one. unknown: no outage is known and the checks were
not judged for a minute, or nothing is degraded and no round ran within 3 minutes, or no target answered. no_targets: no
target is checked, and nothing else is wrong. Targets that are paused and suppressed incidents do not count. is_public
counts public targets only, and of the incidents those of the health checks about them: visitors see nothing else.';
