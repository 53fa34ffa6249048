-- Purpose: folds events into incidents that exist: counts them, keeps the newest sample, reopens what was resolved.
-- Objects: functions monitoring.describe_reopened_incidents, monitoring.merge_sample_context, monitoring.fold_events,
--   monitoring.fold_events_by_sender, monitoring.count_occurrences.
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
      -- A delivery about an issue of Sentry can lack its title: enrich_sentry_incident() adds what is new.
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

create function monitoring.fold_events(events monitoring.prepared_event[], candidates monitoring.fold_candidate[])
returns setof monitoring.upserted_incident
language plpgsql
volatile
security invoker
set search_path = ''
as $$
begin
  return query
  with grouped as (
    select
      event.fingerprint,
      count(*) as occurrences,
      max(event.severity) as severity,
      (array_agg(event.rule order by event.severity desc, event.event_position))[1] as rule,
      min(event.happened_at) as earliest_at,
      max(event.happened_at) as newest_at,
      -- Where the newest sample and stack are: a sort of whole events would copy every stack.
      (array_agg(event.event_position order by event.happened_at desc, event.event_position desc)
        filter (where event.is_summary is not true))[1] as sample_position,
      (array_agg(event.event_position order by event.happened_at desc, event.event_position desc)
        filter (where event.stack is not null and event.is_summary is not true))[1] as stack_position
    from unnest(fold_events.events) as event
    group by event.fingerprint
  ),

  decided as (
    select
      grouped.*,
      candidate.incident_id,
      candidate.occurrence_count as count_before,
      candidate.last_seen,
      candidate.resolved_at is not null and grouped.newest_at > candidate.resolved_at as is_reopened,
      candidate.resolved_at is not null and grouped.newest_at <= candidate.resolved_at as is_late,
      case when (grouped.newest_at <= candidate.resolved_at) is not true then grouped.severity end as worst
    from unnest(fold_events.candidates) as candidate
    join grouped on grouped.fingerprint = candidate.fingerprint
  ),

  folded as (
    update public.incidents
    set
      occurrence_count = incidents.occurrence_count + decided.occurrences,
      first_seen = least(incidents.first_seen, decided.earliest_at),
      last_seen = greatest(incidents.last_seen, decided.newest_at),
      message = coalesce(newest.message, incidents.message),
      error_type = case when newest.message is null then incidents.error_type else newest.error_type end,
      error_code = case when newest.message is null then incidents.error_code else newest.error_code end,
      -- An equal text is not written again: it is outside of the row, if it is long.
      stack = case
        when newest.message is null or last_stack.stack is null or last_stack.stack = incidents.stack
          then incidents.stack
        else last_stack.stack
      end,
      environment = case when newest.message is null then incidents.environment else newest.environment end,
      release = case when newest.message is null then incidents.release else newest.release end,
      url = case when newest.message is null then incidents.url else newest.url end,
      context = case
        when newest.message is null or newest.context = incidents.context then incidents.context
        when newest.sender = 'sentry' then monitoring.merge_sample_context(incidents.context, newest.context)
        else newest.context
      end,
      severity = case
        when incidents.has_manual_severity then incidents.severity else greatest(incidents.severity, decided.worst)
      end,
      rule = case
        when decided.worst > incidents.severity and not incidents.has_manual_severity then decided.rule
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
    -- Of an older occurrence that arrives late, the sample is not the newest. A clock that is ahead makes none newer.
    left join unnest(fold_events.events) as newest
      on newest.event_position = decided.sample_position
      and newest.fingerprint = decided.fingerprint
      and (newest.happened_at >= least(decided.last_seen, now()) or decided.is_reopened)
    left join unnest(fold_events.events) as last_stack
      on last_stack.event_position = decided.stack_position
      and last_stack.fingerprint = decided.fingerprint
    where incidents.id = decided.incident_id
    returning
      incidents.fingerprint, incidents.id, incidents.severity, incidents.category, incidents.status, decided.count_before
  )

  select
    folded.fingerprint, folded.id, folded.severity, folded.category, folded.status, folded.count_before, false,
    null::integer
  from folded;
end
$$;

comment on function monitoring.fold_events(monitoring.prepared_event[], monitoring.fold_candidate[]) is
'Counts events into the locked incidents of their fingerprints, replaces their samples by newer ones, reopens resolved
ones and raises severities.';

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
begin
  with counted as (
    select
      incident.incident_id,
      date_trunc('hour', event.happened_at, 'UTC') as hour,
      coalesce(event.environment, '') as environment,
      coalesce(event.release, '') as release,
      count(*) as occurrences,
      min(event.happened_at) as first_seen,
      max(event.happened_at) as last_seen
    from unnest(count_occurrences.events) as event
    join unnest(count_occurrences.upserted) as incident on incident.fingerprint = event.fingerprint
    where incident.incident_id is not null
    group by 1, 2, 3, 4
  ),

  found as (
    select
      counted.*,
      exists (
        select
        from monitoring.incident_hours as stored
        where stored.incident_id = counted.incident_id
          and stored.hour = counted.hour
          and stored.environment = counted.environment
          and stored.release = counted.release
      ) as is_stored
    from counted
  ),

  placed as (
    select
      found.*,
      -- Evaluated for a new pair only.
      found.is_stored or (
        select count(*)
        from monitoring.incident_hours as stored
        where stored.incident_id = found.incident_id
          and stored.hour = found.hour
          and stored.release <> '(other)'
      ) + row_number() over (
        partition by found.incident_id, found.hour, found.is_stored
        order by found.occurrences desc, found.environment, found.release
      ) <= c_most_pairs as has_room
    from found
  )

  insert into monitoring.incident_hours as known (
    incident_id, hour, environment, release, occurrences, first_seen, last_seen
  )
  select
    placed.incident_id,
    placed.hour,
    case when placed.has_room then placed.environment else '(other)' end,
    case when placed.has_room then placed.release else '(other)' end,
    sum(placed.occurrences),
    min(placed.first_seen),
    max(placed.last_seen)
  from placed
  group by 1, 2, 3, 4
  order by 1, 2, 3, 4
  on conflict (incident_id, hour, environment, release) do update
    set
      occurrences = known.occurrences + excluded.occurrences,
      first_seen = least(known.first_seen, excluded.first_seen),
      last_seen = greatest(known.last_seen, excluded.last_seen);
end
$$;

comment on function monitoring.count_occurrences(monitoring.prepared_event[], monitoring.upserted_incident[]) is
'Counts events in the hours of the incidents to which they were written. The incidents must be locked. Of one incident
and hour, 20 pairs of environment and release get a row of their own, so that a sender cannot fill the table.';
