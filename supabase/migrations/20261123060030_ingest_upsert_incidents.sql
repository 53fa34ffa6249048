-- Purpose: inserts, folds and reopens incidents for a batch of prepared events. Triggers write the audit rows.
-- Objects: types monitoring.fold_candidate, monitoring.upserted_incident; table monitoring.sender_quotas; functions
--   monitoring.find_fold_candidates, monitoring.lock_fold_candidates, monitoring.lock_quotas,
--   monitoring.insert_incidents, monitoring.describe_reopened_incidents, monitoring.merge_sample_context,
--   monitoring.fold_events,
--   monitoring.fold_events_by_sender, monitoring.count_occurrences, monitoring.remove_upserted_events,
--   monitoring.upsert_incidents.
-- Risks: locks are always taken in this order, sorted within each kind, so that concurrent batches do not deadlock:
--   quotas by sender, existing incidents by fingerprint, new incidents by fingerprint, hours of these incidents. A batch
--   without new fingerprints takes no quota, so repeats of known errors do not wait for each other. An hour is written
--   only by who holds the lock of its incident, so hours wait for nobody. A session that updates many
--   incidents in another order can still cause a deadlock; PostgreSQL detects it and store_events_isolated()
--   retries.

create table monitoring.sender_quotas (
  sender text primary key,
  window_started_at timestamptz not null,
  created_count integer not null,
  constraint created_count_is_not_negative check (created_count >= 0)
);

alter table monitoring.sender_quotas enable row level security;

create policy sender_quotas_is_read_by_nobody on monitoring.sender_quotas
for select to authenticated
using (false);

revoke all on table monitoring.sender_quotas from public, anon, authenticated, service_role;

comment on table monitoring.sender_quotas is
'Number of new incidents per sender in its current minute. Locking the row makes the limit exact.';

comment on column monitoring.sender_quotas.sender is
'Sender, as in incidents.sender: the credential of the report decides, not what the report says of itself.';

comment on column monitoring.sender_quotas.window_started_at is 'Start of the current window of one minute.';

comment on column monitoring.sender_quotas.created_count is 'Number of incidents opened in the window.';

create type monitoring.fold_candidate as (
  fingerprint text,
  incident_id text,
  occurrence_count bigint,
  last_seen timestamptz,
  resolved_at timestamptz
);

comment on type monitoring.fold_candidate is
'An incident that repeats of a fingerprint can fold into, as it was when it was locked. A resolved one is reopened by a
repeat that happened after resolved_at; earlier ones are only counted, because they were late.';

create type monitoring.upserted_incident as (
  fingerprint text,
  incident_id text,
  severity public.incident_severity,
  category public.incident_category,
  status public.incident_status,
  count_before bigint,
  is_new boolean,
  retry_after integer
);

comment on type monitoring.upserted_incident is
'The incident to which the events of one fingerprint were written. When the quota of the sender is used up,
incident_id is null and retry_after is the number of seconds to wait.';

create function monitoring.find_fold_candidates(fingerprints text[], newest_at timestamptz[])
returns table (incident_id text, fingerprint text)
language sql
stable
security invoker
set search_path = ''
as $$
  select incidents.id, incidents.fingerprint
  from public.incidents
  where incidents.fingerprint = any(find_fold_candidates.fingerprints)
    and incidents.status <> 'resolved'
  union all
  select incidents.id, incidents.fingerprint
  from public.incidents
  where incidents.fingerprint = any(find_fold_candidates.fingerprints)
    and incidents.status = 'resolved'
    and incidents.resolved_at > (
      (find_fold_candidates.newest_at)[array_position(find_fold_candidates.fingerprints, incidents.fingerprint)]
      - (monitoring.config('incident_policy') ->> 'reopen_window')::interval
    )
$$;

comment on function monitoring.find_fold_candidates(text[], timestamptz[]) is
'Returns the incidents that repeats of these fingerprints may fold into: live ones, and those that were resolved within
incident_policy.reopen_window before the newest repeat, or after it. newest_at are the times of the newest repeats, in
the order of the fingerprints. Takes no lock.';

create function monitoring.lock_fold_candidates(fingerprints text[], newest_at timestamptz[])
returns setof monitoring.fold_candidate
language sql
volatile
security invoker
set search_path = ''
as $$
  with locked as materialized (
    select
      incidents.fingerprint, incidents.id, incidents.occurrence_count, incidents.last_seen, incidents.resolved_at
    from public.incidents
    where incidents.id in (
      select found.incident_id
      from monitoring.find_fold_candidates(
        lock_fold_candidates.fingerprints, lock_fold_candidates.newest_at
      ) as found
    )
    order by incidents.fingerprint, incidents.id
    for update
  )

  select distinct on (locked.fingerprint)
    locked.fingerprint, locked.id, locked.occurrence_count, locked.last_seen, locked.resolved_at
  from locked
  order by locked.fingerprint, locked.resolved_at desc nulls first
$$;

comment on function monitoring.lock_fold_candidates(text[], timestamptz[]) is
'Locks the incidents that find_fold_candidates() returns, in order, and returns one per fingerprint: the live one,
else the one resolved last.';

create function monitoring.lock_quotas(senders text[])
returns void
language sql
volatile
security invoker
set search_path = ''
as $$
  insert into monitoring.sender_quotas as quota (sender, window_started_at, created_count)
  select distinct given.sender, now(), 0
  from unnest(lock_quotas.senders) as given (sender)
  where given.sender is not null
  order by given.sender
  on conflict (sender) do update
    set
      window_started_at = case
        when quota.window_started_at <= now() - interval '1 minute' then now() else quota.window_started_at
      end,
      created_count = case
        when quota.window_started_at <= now() - interval '1 minute' then 0 else quota.created_count
      end
$$;

comment on function monitoring.lock_quotas(text[]) is
'Locks the quotas of these senders until commit, in order, and starts a new minute where the last one is over.';

create function monitoring.insert_incidents(events monitoring.prepared_event[])
returns setof monitoring.upserted_incident
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  v_limit integer := (monitoring.config('rate_limits') ->> 'new_incidents_per_minute')::integer;
  v_has_knowledge boolean := exists (select from public.error_knowledge);
  v_has_deployments boolean := exists (
    select
    from public.deployment_history
    where deployment_history.started_at > (
      select min(event.happened_at)
      from unnest(insert_incidents.events) as event
    ) - interval '30 minutes'
  );
begin
  return query
  with grouped as (
    select distinct on (event.fingerprint, event.quota)
      event.*,
      count(*) over (partition by event.fingerprint) as occurrence_count,
      min(event.happened_at) over (partition by event.fingerprint) as first_seen,
      max(event.happened_at) over (partition by event.fingerprint) as last_seen,
      first_value(event.event_position) over (
        partition by event.fingerprint
        order by event.happened_at desc, event.event_position desc
      ) as sample_position
    from unnest(insert_incidents.events) as event
    order by event.fingerprint, event.quota, event.severity desc, event.event_position
  ),

  ranked as (
    select
      grouped.*,
      -- 0 for a sender without a quota.
      coalesce(
        sender_quotas.created_count + row_number() over (partition by grouped.quota order by grouped.event_position), 0
      ) as rank,
      ceil(extract(epoch from sender_quotas.window_started_at + interval '1 minute' - now()))::integer as seconds_left
    from grouped
    left join monitoring.sender_quotas on sender_quotas.sender = grouped.quota
  ),

  -- A sender that is over its limit does not keep another one from opening the incident of an error that both report.
  leaders as (
    select distinct on (ranked.fingerprint) ranked.*
    from ranked
    order by ranked.fingerprint, ranked.rank > v_limit, ranked.severity desc, ranked.event_position
  ),

  opened as (
    insert into public.incidents (
      fingerprint, title, message, error_type, error_code, stack, severity, category, rule, source, environment,
      release, url, context, sender, occurrence_count, first_seen, last_seen, knowledge_id, deployment_id
    )
    select
      leaders.fingerprint, leaders.title, newest.message, newest.error_type, newest.error_code,
      coalesce(newest.stack, leaders.stack), leaders.severity, leaders.category, leaders.rule, leaders.source,
      newest.environment, newest.release, newest.url, newest.context, leaders.sender, leaders.occurrence_count,
      leaders.first_seen, leaders.last_seen,
      case when v_has_knowledge then monitoring.find_knowledge(leaders.message, leaders.error_type) end,
      case
        when v_has_deployments
          then monitoring.find_deployment(
            leaders.source, leaders.environment, leaders.context, leaders.first_seen
          )
      end
    from leaders
    join unnest(insert_incidents.events) as newest
      on newest.event_position = leaders.sample_position
      and newest.fingerprint = leaders.fingerprint
    where leaders.rank <= v_limit
    order by leaders.fingerprint
    on conflict (fingerprint) where status <> 'resolved' do nothing
    returning
      incidents.id, incidents.fingerprint, incidents.severity, incidents.category, incidents.status
  ),

  counted as (
    update monitoring.sender_quotas
    set created_count = sender_quotas.created_count + per_quota.opened_count
    from (
      select leaders.quota, count(*) as opened_count
      from opened
      join leaders on leaders.fingerprint = opened.fingerprint
      group by leaders.quota
    ) as per_quota
    where sender_quotas.sender = per_quota.quota
  )

  select opened.fingerprint, opened.id, opened.severity, opened.category, opened.status, 0::bigint, true, null::integer
  from opened
  union all
  select leaders.fingerprint, null, null, null, null, null, false, greatest(leaders.seconds_left, 1)
  from leaders
  where leaders.rank > v_limit;
end
$$;

comment on function monitoring.insert_incidents(monitoring.prepared_event[]) is
'Inserts an incident for each fingerprint, named by its most severe event and with the sample of its newest one, within
the limit per sender and minute. The quotas must be locked. A
fingerprint that another session inserted meanwhile is left out.';

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
'Returns the context of the newest occurrence, with what the former one knew about the issue in Sentry: an event does not
repeat its short id and assignee.';

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
      max(event.severity) as worst,
      (array_agg(event.rule order by event.severity desc, event.event_position))[1] as rule,
      min(event.happened_at) as earliest_at,
      max(event.happened_at) as newest_at,
      -- Where the newest sample and stack are: a sort of whole events would copy every stack.
      (
        array_agg(event.event_position order by event.happened_at desc, event.event_position desc)
        filter (where event.is_summary is not true)
      )[1] as sample_position,
      (
        array_agg(event.event_position order by event.happened_at desc, event.event_position desc)
        filter (where event.stack is not null and event.is_summary is not true)
      )[1] as stack_position
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
      candidate.resolved_at is not null and grouped.newest_at <= candidate.resolved_at as is_late
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
        when newest.message is null or last_stack.stack is null or last_stack.stack = incidents.stack then incidents.stack
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
        when incidents.has_manual_severity or decided.is_late then incidents.severity
        else greatest(incidents.severity, decided.worst)
      end,
      rule = case
        when decided.worst > incidents.severity and not incidents.has_manual_severity and not decided.is_late
          then decided.rule
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
      incidents.fingerprint, incidents.id, incidents.severity, incidents.category, incidents.status,
      decided.count_before
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

create function monitoring.remove_upserted_events(
  events monitoring.prepared_event[], upserted monitoring.upserted_incident[]
)
returns monitoring.prepared_event[]
language sql
immutable
parallel safe
security invoker
set search_path = ''
as $$
  select array(
    select event
    from unnest(remove_upserted_events.events) as event
    where event.fingerprint not in (select done.fingerprint from unnest(remove_upserted_events.upserted) as done)
  )
$$;

comment on function monitoring.remove_upserted_events(monitoring.prepared_event[], monitoring.upserted_incident[]) is
'Returns the events whose fingerprint was not written to an incident yet.';

create function monitoring.upsert_incidents(events monitoring.prepared_event[])
returns setof monitoring.upserted_incident
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  v_fingerprints text[];
  v_newest_at timestamptz[];
  v_new monitoring.prepared_event[];
  v_candidates monitoring.fold_candidate[];
  v_opened monitoring.upserted_incident[] := '{}'::monitoring.upserted_incident[];
  v_folded monitoring.upserted_incident[];
  v_left monitoring.prepared_event[];
begin
  select array_agg(newest.fingerprint), array_agg(newest.happened_at)
  into v_fingerprints, v_newest_at
  from (
    select event.fingerprint, max(event.happened_at) as happened_at
    from unnest(upsert_incidents.events) as event
    group by event.fingerprint
  ) as newest;
  v_new := array(
    select event
    from unnest(upsert_incidents.events) as event
    where event.fingerprint not in (
      select found.fingerprint
      from monitoring.find_fold_candidates(v_fingerprints, v_newest_at) as found
    )
  );
  if v_new <> '{}' then
    perform monitoring.lock_quotas(array(select event.quota from unnest(v_new) as event));
  end if;

  v_candidates := array(
    select candidate
    from monitoring.lock_fold_candidates(v_fingerprints, v_newest_at) as candidate
  );
  v_new := array(
    select event
    from unnest(v_new) as event
    where event.fingerprint not in (select candidate.fingerprint from unnest(v_candidates) as candidate)
  );
  if v_new <> '{}' then
    perform monitoring.set_change_context('sender', '{}');
    v_opened := array(select upserted from monitoring.insert_incidents(v_new) as upserted);
  end if;
  v_left := monitoring.remove_upserted_events(upsert_incidents.events, v_opened);
  v_folded := array(select upserted from monitoring.fold_events_by_sender(v_left, v_candidates) as upserted);
  perform monitoring.set_change_context('', '{}');

  if monitoring.remove_upserted_events(v_left, v_folded) <> '{}' then
    -- Another session inserted the incident, or its reopen window ended since it was found. Locking it now would break
    -- the lock order.
    raise exception using
      errcode = 'serialization_failure',
      message = 'incidents changed while events were being stored',
      hint = 'Retry the transaction.';
  end if;
  perform monitoring.count_occurrences(upsert_incidents.events, v_opened || v_folded);
  return query
  select upserted.*
  from unnest(v_opened || v_folded) as upserted;
end
$$;

comment on function monitoring.upsert_incidents(monitoring.prepared_event[]) is
'Writes every event to its incident and returns one row per fingerprint. The senders are the actors in the audit rows.
Raises serialization_failure when it must run again.';
