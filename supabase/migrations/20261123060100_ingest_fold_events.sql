-- Purpose: folds events into incidents that exist: counts them, keeps the newest sample, reopens what was resolved.
-- Objects: functions monitoring.describe_reopened_incidents, monitoring.merge_sample_context, monitoring.choose_title,
--   monitoring.fold_events, monitoring.fold_events_by_sender, monitoring.count_occurrences,
--   monitoring.fold_known_event.
-- Risks: upsert_incidents() has locked the incidents; each is written once in a batch, twice if it is reopened.

create function monitoring.describe_reopened_incidents(
  events monitoring.prepared_event[], candidates monitoring.fold_candidate[]
)
returns void
language sql
volatile
security invoker
set search_path = ''
as $$
  with causes as (
    select distinct on (event.fingerprint) event.*, candidate.incident_id
    from unnest(describe_reopened_incidents.events) as event
    join unnest(describe_reopened_incidents.candidates) as candidate on candidate.fingerprint = event.fingerprint
    where event.happened_at > candidate.resolved_at
      -- A delivery about an issue of Sentry can lack its title: enrich_delivered_incident() adds what is new.
      and event.sender <> 'sentry'
    order by event.fingerprint, event.severity desc, event.event_position
  )

  update public.incidents
  set
    title = causes.title,
    message = causes.message,
    error_type = causes.error_type,
    error_code = causes.error_code,
    stack = causes.stack,
    category = causes.category,
    source = causes.source,
    environment = causes.environment,
    release = causes.release,
    url = causes.url,
    context = causes.context,
    sender = causes.sender
  from causes
  where incidents.id = causes.incident_id
$$;

comment on function monitoring.describe_reopened_incidents(monitoring.prepared_event[], monitoring.fold_candidate[]) is
'Describes resolved incidents that are reopened by the most severe event that reopens them: their title, text and sender
follow the current cause. A trigger keeps the former title in the audit trail.';

create function monitoring.merge_sample_context(former jsonb, latter jsonb)
returns jsonb
language sql
immutable
parallel safe
security invoker
set search_path = ''
as $$
  select case
    when jsonb_typeof(former -> 'sentry') = 'object'
      and jsonb_typeof(latter -> 'sentry') = 'object'
      and octet_length(latter::text) + octet_length((former -> 'sentry')::text) <= 65536
      then latter || jsonb_build_object('sentry', (former -> 'sentry') || (latter -> 'sentry'))
    else latter
  end
$$;

comment on function monitoring.merge_sample_context(jsonb, jsonb) is
'Returns the context of the newest occurrence, with what the former one knew about the issue in Sentry: an event does
not repeat its short id and assignee.';

create function monitoring.choose_title(incident public.incidents, sample monitoring.prepared_event)
returns text
language plpgsql
stable
security invoker
set search_path = ''
as $$
begin
  -- Nearly all repeats end here.
  if (choose_title.sample).sender is distinct from 'health-check'
    or ((choose_title.sample).title <> (choose_title.incident).title) is not true
  then
    return (choose_title.incident).title;
  end if;
  return case
    when 'health-check' = coalesce(
      (
        select agent_actions.agent
        from public.agent_actions
        where agent_actions.incident_id = (choose_title.incident).id
          and agent_actions.action = 'incident_renamed'
        order by agent_actions.id desc
        limit 1
      ),
      'health-check'
    ) then (choose_title.sample).title
    else (choose_title.incident).title
  end;
end
$$;

comment on function monitoring.choose_title(public.incidents, monitoring.prepared_event) is
'Returns the title of an incident after another occurrence. That of a health check names the state of its target, so it
follows the occurrence, unless somebody else changed it, by the audit trail. Others keep theirs.';

create function monitoring.fold_events(events monitoring.prepared_event[], candidates monitoring.fold_candidate[])
returns setof monitoring.upserted_incident
language plpgsql
volatile
security invoker
set search_path = ''
set enable_seqscan = off
as $$
begin
  return query
  with grouped as (
    select
      event.fingerprint,
      count(*) as occurrences,
      max(event.severity) as severity,
      min(event.happened_at) as earliest_at,
      max(event.happened_at) as newest_at,
      (array_agg(event order by event.happened_at desc, event.event_position desc)
        filter (where event.is_summary is not true))[1] as sample,
      (array_agg(event.stack order by event.happened_at desc, event.event_position desc)
        filter (where event.stack is not null and event.is_summary is not true))[1] as stack
    from unnest(fold_events.events) as event
    group by event.fingerprint
  ),

  decided as (
    select
      grouped.*,
      candidate.incident_id,
      candidate.occurrence_count as count_before,
      candidate.resolved_at is not null and grouped.newest_at > candidate.resolved_at as is_reopened,
      candidate.resolved_at is not null and grouped.newest_at <= candidate.resolved_at as is_late,
      -- Of an older occurrence that arrives late, the sample is not the newest. A clock that is ahead makes none newer.
      (grouped.sample).message is not null and (
        (grouped.sample).happened_at >= least(candidate.last_seen, now()) or candidate.resolved_at < grouped.newest_at
      ) as is_newest,
      case when (grouped.newest_at <= candidate.resolved_at) is not true then grouped.severity end as worst
    from unnest(fold_events.candidates) as candidate
    join grouped on grouped.fingerprint = candidate.fingerprint
  ),

  folded as (
    update public.incidents
    set
      title = case when decided.is_newest then monitoring.choose_title(incidents, decided.sample) else incidents.title end,
      occurrence_count = incidents.occurrence_count + decided.occurrences,
      first_seen = least(incidents.first_seen, decided.earliest_at),
      last_seen = greatest(incidents.last_seen, decided.newest_at),
      message = case when decided.is_newest then (decided.sample).message else incidents.message end,
      error_type = case when decided.is_newest then (decided.sample).error_type else incidents.error_type end,
      error_code = case when decided.is_newest then (decided.sample).error_code else incidents.error_code end,
      environment = case when decided.is_newest then (decided.sample).environment else incidents.environment end,
      release = case when decided.is_newest then (decided.sample).release else incidents.release end,
      url = case when decided.is_newest then (decided.sample).url else incidents.url end,
      -- A stack or context that is equal is not written again: a long one is outside of the row.
      stack = case
        when decided.is_newest and decided.stack <> coalesce(incidents.stack, '') then decided.stack
        else incidents.stack
      end,
      context = case
        when not decided.is_newest or (decided.sample).context = incidents.context then incidents.context
        when (decided.sample).sender = 'sentry'
          then monitoring.merge_sample_context(incidents.context, (decided.sample).context)
        else (decided.sample).context
      end,
      severity = case
        when incidents.has_manual_severity then incidents.severity else greatest(incidents.severity, decided.worst)
      end,
      rule = case
        when decided.worst > incidents.severity and not incidents.has_manual_severity then (
          select event.rule
          from unnest(fold_events.events) as event
          where event.fingerprint = decided.fingerprint and event.severity = decided.worst
          order by event.event_position
          limit 1
        )
        else incidents.rule
      end,
      status = case when decided.is_reopened then 'open' else incidents.status end,
      acknowledged_at = case when not decided.is_reopened then incidents.acknowledged_at end,
      acknowledged_by = case when not decided.is_reopened then incidents.acknowledged_by end,
      reopened_at = case
        when not decided.is_reopened then incidents.reopened_at
        when decided.earliest_at > incidents.resolved_at then decided.earliest_at
        else decided.newest_at
      end,
      resolved_at = case when decided.is_late then incidents.resolved_at end,
      resolved_by = case when decided.is_late then incidents.resolved_by end,
      resolution = case when decided.is_late then incidents.resolution end
    from decided
    where incidents.id = decided.incident_id
    returning
      incidents.fingerprint, incidents.id, incidents.severity, incidents.category, incidents.status, decided.count_before
  )

  select folded.*, false, null::integer
  from folded;
end
$$;

comment on function monitoring.fold_events(monitoring.prepared_event[], monitoring.fold_candidate[]) is
'Counts events into the locked incidents of their fingerprints, replaces their samples by newer ones, reopens resolved
ones and raises severities. The titles of health checks follow the newest sample.';

create function monitoring.fold_events_by_sender(
  events monitoring.prepared_event[], candidates monitoring.fold_candidate[]
)
returns setof monitoring.upserted_incident
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  v_has_resolved constant boolean := exists (
    select
    from unnest(fold_events_by_sender.candidates) as candidate
    where candidate.resolved_at is not null
  );
  v_senders constant text[] := array(
    select distinct event.sender
    from unnest(fold_events_by_sender.events) as event
  );
  v_led record;
begin
  for v_led in
    select v_senders[1] as leader, fold_events_by_sender.events as events
    where cardinality(v_senders) = 1
    union all
    select ranked.leader, array_agg(ranked.event)
    from (
      select
        event,
        first_value(event.sender) over (
          partition by event.fingerprint
          order by event.severity desc, event.event_position
        ) as leader
      from unnest(fold_events_by_sender.events) as event
      where cardinality(v_senders) > 1
    ) as ranked
    group by ranked.leader
  loop
    perform monitoring.set_change_context(v_led.leader, '{}');
    if v_has_resolved then
      perform monitoring.describe_reopened_incidents(v_led.events, fold_events_by_sender.candidates);
    end if;
    return query
    select folded.*
    from monitoring.fold_events(v_led.events, fold_events_by_sender.candidates) as folded;
  end loop;
end
$$;

comment on function monitoring.fold_events_by_sender(monitoring.prepared_event[], monitoring.fold_candidate[]) is
'Folds events, and names in the audit rows the sender of the most severe event of each incident.';

create function monitoring.count_occurrences(
  events monitoring.prepared_event[], upserted monitoring.upserted_incident[]
)
returns void
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  c_most_pairs constant integer := 20;
  v_counted monitoring.incident_hours;
begin
  -- Row by row: each is found by its key, however large the table is. A join of the table could read all of it.
  for v_counted in
    select
      incident.incident_id,
      date_trunc('hour', event.happened_at, 'UTC'),
      coalesce(event.environment, ''),
      coalesce(event.release, ''),
      count(*),
      min(event.happened_at),
      max(event.happened_at)
    from unnest(count_occurrences.events) as event
    join unnest(count_occurrences.upserted) as incident on incident.fingerprint = event.fingerprint
    where incident.incident_id is not null
    group by 1, 2, 3, 4
    order by 1, 2, 5 desc, 3, 4
  loop
    update monitoring.incident_hours
    set
      occurrences = incident_hours.occurrences + v_counted.occurrences,
      first_seen = least(incident_hours.first_seen, v_counted.first_seen),
      last_seen = greatest(incident_hours.last_seen, v_counted.last_seen)
    where incident_hours.incident_id = v_counted.incident_id
      and incident_hours.hour = v_counted.hour
      and incident_hours.environment = v_counted.environment
      and incident_hours.release = v_counted.release;
    continue when found;

    if c_most_pairs <= (
      select count(*)
      from monitoring.incident_hours
      where incident_hours.incident_id = v_counted.incident_id
        and incident_hours.hour = v_counted.hour
        and (incident_hours.environment, incident_hours.release) <> ('(other)', '(other)')
    ) then
      v_counted.environment := '(other)';
      v_counted.release := '(other)';
    end if;
    insert into monitoring.incident_hours as known
    select v_counted.*
    on conflict (incident_id, hour, environment, release) do update
      set
        occurrences = known.occurrences + excluded.occurrences,
        first_seen = least(known.first_seen, excluded.first_seen),
        last_seen = greatest(known.last_seen, excluded.last_seen);
  end loop;
end
$$;

comment on function monitoring.count_occurrences(monitoring.prepared_event[], monitoring.upserted_incident[]) is
'Counts events in the hours of the incidents to which they were written. The incidents must be locked. Of one incident
and hour, 20 pairs of environment and release get a row of their own, so that a sender cannot fill the table.';

create function monitoring.fold_known_event(event monitoring.prepared_event)
returns monitoring.upserted_incident
language plpgsql
volatile
security invoker
set search_path = ''
set enable_seqscan = off
set plan_cache_mode = force_generic_plan
as $$
declare
  v_event constant monitoring.prepared_event := fold_known_event.event;
  v_known record;
  v_is_newest boolean;
  v_folded monitoring.upserted_incident;
begin
  if v_event.message is null or v_event.is_summary is true or v_event.sender in ('sentry', 'health-check') then
    return null;
  end if;
  select incidents.id, incidents.last_seen, incidents.occurrence_count
  into v_known
  from public.incidents
  where incidents.fingerprint = v_event.fingerprint
    and incidents.status <> 'resolved'
  for no key update;
  if not found then
    return null;
  end if;

  v_is_newest := v_event.happened_at >= least(v_known.last_seen, now());
  perform monitoring.set_change_context(v_event.sender, '{}');
  update public.incidents
  set
    occurrence_count = incidents.occurrence_count + 1,
    first_seen = least(incidents.first_seen, v_event.happened_at),
    last_seen = greatest(incidents.last_seen, v_event.happened_at),
    message = case when v_is_newest then v_event.message else incidents.message end,
    error_type = case when v_is_newest then v_event.error_type else incidents.error_type end,
    error_code = case when v_is_newest then v_event.error_code else incidents.error_code end,
    environment = case when v_is_newest then v_event.environment else incidents.environment end,
    release = case when v_is_newest then v_event.release else incidents.release end,
    url = case when v_is_newest then v_event.url else incidents.url end,
    stack = case
      when v_is_newest and v_event.stack <> coalesce(incidents.stack, '') then v_event.stack else incidents.stack
    end,
    context = case
      when v_is_newest and v_event.context is distinct from incidents.context then v_event.context
      else incidents.context
    end,
    severity = case
      when incidents.has_manual_severity then incidents.severity else greatest(incidents.severity, v_event.severity)
    end,
    rule = case
      when v_event.severity > incidents.severity and not incidents.has_manual_severity then v_event.rule
      else incidents.rule
    end
  where incidents.id = v_known.id
  returning
    incidents.fingerprint, incidents.id, incidents.severity, incidents.category, incidents.status,
    v_known.occurrence_count, false, null::integer
  into v_folded;
  perform monitoring.set_change_context('', '{}');

  update monitoring.incident_hours
  set
    occurrences = incident_hours.occurrences + 1,
    first_seen = least(incident_hours.first_seen, v_event.happened_at),
    last_seen = greatest(incident_hours.last_seen, v_event.happened_at)
  where incident_hours.incident_id = v_known.id
    and incident_hours.hour = date_trunc('hour', v_event.happened_at, 'UTC')
    and incident_hours.environment = coalesce(v_event.environment, '')
    and incident_hours.release = coalesce(v_event.release, '');
  if not found then
    perform monitoring.count_occurrences(array[v_event], array[v_folded]);
  end if;
  return v_folded;
end
$$;

comment on function monitoring.fold_known_event(monitoring.prepared_event) is
'Does what upsert_incidents() does for one event whose incident is live, which is most of what is reported, at a third
of the cost: locks the incident, folds the event as fold_events() does, and counts it. Returns the incident; nulls, and
nothing is locked or changed, when there is none, and for senders whose events fold in another way.';
