-- Purpose: deletes resolved incidents that are older than retention, with what belongs to them.
-- Objects: functions monitoring.is_incident_audited, monitoring.count_purged_incidents, monitoring.purge_incidents.
-- Risks: incidents are locked before known fixes and heads of chains, as everywhere, and skipped while another session
--   holds them, or a fix that was tried on them. What an incident needs to be deleted is looked up again when it is
--   locked: until then another session can write an action of it.

create function monitoring.is_incident_audited(incident_id text)
returns boolean
language plpgsql
stable
strict
security invoker
set search_path = ''
as $$
begin
  -- PL/pgSQL keeps the plan, and a batch calls this for each incident.
  return exists (
    select
    from public.agent_actions
    where agent_actions.incident_id = is_incident_audited.incident_id
  );
end
$$;

comment on function monitoring.is_incident_audited(text) is
'Returns whether the audit trail still has an action of an incident.';

create function monitoring.count_purged_incidents(incident_ids text[])
returns void
language plpgsql
volatile
strict
security invoker
set search_path = ''
as $$
begin
  insert into monitoring.incident_days as counted (
    day, severity, category, incidents, acknowledged, occurrences, seconds_to_acknowledge, seconds_to_resolve
  )
  select
    (incidents.first_seen at time zone 'UTC')::date,
    incidents.severity,
    incidents.category,
    count(*),
    count(incidents.acknowledged_at),
    sum(incidents.occurrence_count),
    coalesce(
      sum(extract(epoch from incidents.acknowledged_at - greatest(incidents.first_seen, incidents.reopened_at))), 0
    ),
    coalesce(sum(extract(epoch from incidents.time_to_resolution)), 0)
  from public.incidents
  where incidents.id = any(count_purged_incidents.incident_ids)
  group by 1, 2, 3
  order by 1, 2, 3
  on conflict (day, severity, category) do update
    set
      incidents = counted.incidents + excluded.incidents,
      acknowledged = counted.acknowledged + excluded.acknowledged,
      occurrences = counted.occurrences + excluded.occurrences,
      seconds_to_acknowledge = counted.seconds_to_acknowledge + excluded.seconds_to_acknowledge,
      seconds_to_resolve = counted.seconds_to_resolve + excluded.seconds_to_resolve;
end
$$;

comment on function monitoring.count_purged_incidents(text[]) is
'Adds the figures of incidents that are about to be deleted to monitoring.incident_days.';

create function monitoring.purge_incidents(batch_size integer)
returns bigint
language plpgsql
volatile
strict
security invoker
set search_path = ''
as $$
declare
  -- The actions of a resolution are as old as it, so that nothing else is worth a look.
  v_end constant timestamptz := least(
    monitoring.find_retention_end('incidents_days'), monitoring.find_retention_end('agent_actions_days')
  );
  v_ids text[];
  v_fixes bigint[];
begin
  v_ids := array(
    select due.id
    from (
      -- Each batch passes over those that must stay, so it looks at a few only. Were the oldest ones all to stay, those
      -- that are due since the last run would still be found.
      (
        select incidents.id
        from public.incidents
        where incidents.status = 'resolved'
          and incidents.resolved_at < v_end
          and (incidents.resolved_at at time zone 'UTC')::date <= (v_end at time zone 'UTC')::date
        order by (incidents.resolved_at at time zone 'UTC')::date
        limit 4 * purge_incidents.batch_size
      )
      union
      (
        select incidents.id
        from public.incidents
        where incidents.status = 'resolved'
          and incidents.resolved_at < v_end
          and (incidents.resolved_at at time zone 'UTC')::date <= (v_end at time zone 'UTC')::date
        order by (incidents.resolved_at at time zone 'UTC')::date desc
        limit 4 * purge_incidents.batch_size
      )
    ) as due
    where not monitoring.is_incident_audited(due.id)
    limit purge_incidents.batch_size
  );
  v_ids := array(
    select incidents.id
    from public.incidents
    where incidents.id = any(v_ids)
      and incidents.status = 'resolved'
      and incidents.resolved_at < v_end
    order by incidents.fingerprint, incidents.id
    for update skip locked
  );
  -- Who changes a fix locks it before its outcomes: so does this.
  v_fixes := array(
    select error_knowledge.id
    from public.error_knowledge
    where error_knowledge.id in (
      select fix_outcomes.knowledge_id
      from monitoring.fix_outcomes
      where fix_outcomes.incident_id = any(v_ids)
    )
    order by error_knowledge.id
    for no key update skip locked
  );
  -- A statement of its own, so that it sees what was written until the incidents were locked.
  v_ids := array(
    select locked.id
    from unnest(v_ids) as locked (id)
    where not monitoring.is_incident_audited(locked.id)
      and not exists (
        select
        from monitoring.fix_outcomes
        where fix_outcomes.incident_id = locked.id
          and fix_outcomes.knowledge_id <> all(v_fixes)
      )
  );
  perform monitoring.count_purged_incidents(v_ids);
  delete from monitoring.fix_outcomes
  where fix_outcomes.incident_id = any(v_ids);
  perform monitoring.count_fix_outcomes(fixes.id)
  from unnest(v_fixes) as fixes (id);
  -- Last, because it locks heads of chains and deliveries.
  delete from public.incidents
  where incidents.id = any(v_ids);
  return cardinality(v_ids)::bigint;
end
$$;

comment on function monitoring.purge_incidents(integer) is
'Deletes at most batch_size incidents that were resolved before retention.incidents_days, with their hours,
notifications and outcomes of fixes, and returns their number. Their figures stay in incident_days. An incident stays
while the audit trail has an action of it, or another session holds it or a fix that was tried on it. Checks, deliveries,
security events and e-mails lose their reference to it.';
