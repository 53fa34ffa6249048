-- Purpose: inserts, folds and reopens incidents for a batch of prepared events. Triggers write the audit rows.
-- Objects: types monitoring.fold_candidate, monitoring.upserted_incident; table monitoring.sender_quotas; functions
--   monitoring.find_fold_candidates, monitoring.lock_fold_candidates, monitoring.lock_quotas,
--   monitoring.insert_incidents, monitoring.describe_reopened_incidents, monitoring.fold_events,
--   monitoring.fold_events_by_sender, monitoring.remove_upserted_events, monitoring.upsert_incidents.
-- Risks: locks are always taken in this order, sorted within each kind, so that concurrent batches do not deadlock:
--   quotas by sender, existing incidents by fingerprint, new incidents by fingerprint. A batch without new
--   fingerprints takes no quota, so repeats of known errors do not wait for each other. A session that updates many
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
  is_resolved boolean
);

comment on type monitoring.fold_candidate is
'An incident that repeats of a fingerprint can fold into, as it was when it was locked. A resolved one is reopened.';

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

create function monitoring.find_fold_candidates(fingerprints text[])
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
    and incidents.resolved_at > now() - (monitoring.config('incident_policy') ->> 'reopen_window')::interval
$$;

comment on function monitoring.find_fold_candidates(text[]) is
'Returns the incidents that repeats of these fingerprints may fold into: live ones, and those resolved within
incident_policy.reopen_window. Takes no lock.';

create function monitoring.lock_fold_candidates(fingerprints text[])
returns setof monitoring.fold_candidate
language sql
volatile
security invoker
set search_path = ''
as $$
  with locked as materialized (
    select incidents.fingerprint, incidents.id, incidents.occurrence_count, incidents.resolved_at
    from public.incidents
    where incidents.id in (
      select found.incident_id
      from monitoring.find_fold_candidates(lock_fold_candidates.fingerprints) as found
    )
    order by incidents.fingerprint, incidents.id
    for update
  )

  select distinct on (locked.fingerprint)
    locked.fingerprint, locked.id, locked.occurrence_count, locked.resolved_at is not null
  from locked
  order by locked.fingerprint, locked.resolved_at desc nulls first
$$;

comment on function monitoring.lock_fold_candidates(text[]) is
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
    where deployment_history.started_at > now() - interval '30 minutes'
  );
begin
  return query
  with grouped as (
    select distinct on (event.fingerprint, event.quota)
      event.*,
      count(*) over (partition by event.fingerprint) as occurrence_count
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
      release, url, context, sender, occurrence_count, knowledge_id, deployment_id
    )
    select
      leaders.fingerprint, leaders.title, leaders.message, leaders.error_type, leaders.error_code, leaders.stack,
      leaders.severity, leaders.category, leaders.rule, leaders.source, leaders.environment, leaders.release,
      leaders.url, leaders.context, leaders.sender, leaders.occurrence_count,
      case when v_has_knowledge then monitoring.find_knowledge(leaders.message, leaders.error_type) end,
      case
        when v_has_deployments
          then monitoring.find_deployment(leaders.source, leaders.environment, leaders.context)
      end
    from leaders
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
'Inserts an incident for each fingerprint, within the limit per sender and minute. The quotas must be locked. A
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
    select distinct on (event.fingerprint) event.*
    from unnest(describe_reopened_incidents.events) as event
    -- A delivery about an issue of Sentry can lack its title: enrich_sentry_incident() adds what is new.
    where event.sender <> 'sentry'
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
  from unnest(describe_reopened_incidents.candidates) as candidate
  join causes on causes.fingerprint = candidate.fingerprint
  where candidate.is_resolved
    and incidents.id = candidate.incident_id
$$;

comment on function monitoring.describe_reopened_incidents(monitoring.prepared_event[], monitoring.fold_candidate[]) is
'Describes resolved incidents that are reopened by the most severe event that reopens them: their title, text and sender
follow the current cause. A trigger keeps the former title in the audit trail.';

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
      (array_agg(event.rule order by event.severity desc, event.event_position))[1] as rule
    from unnest(fold_events.events) as event
    group by event.fingerprint
  ),

  folded as (
    update public.incidents
    set
      occurrence_count = incidents.occurrence_count + grouped.occurrences,
      last_seen = greatest(incidents.last_seen, now()),
      severity = case
        when incidents.has_manual_severity then incidents.severity else greatest(incidents.severity, grouped.worst)
      end,
      rule = case
        when grouped.worst > incidents.severity and not incidents.has_manual_severity then grouped.rule
        else incidents.rule
      end,
      status = case when incidents.status = 'resolved' then 'open' else incidents.status end,
      acknowledged_at = case when incidents.status <> 'resolved' then incidents.acknowledged_at end,
      acknowledged_by = case when incidents.status <> 'resolved' then incidents.acknowledged_by end,
      resolved_at = null,
      resolved_by = null,
      resolution = null
    from unnest(fold_events.candidates) as candidate
    join grouped on grouped.fingerprint = candidate.fingerprint
    where incidents.id = candidate.incident_id
    returning
      incidents.fingerprint, incidents.id, incidents.severity, incidents.category, incidents.status,
      candidate.occurrence_count as count_before
  )

  select
    folded.fingerprint, folded.id, folded.severity, folded.category, folded.status, folded.count_before, false,
    null::integer
  from folded;
end
$$;

comment on function monitoring.fold_events(monitoring.prepared_event[], monitoring.fold_candidate[]) is
'Counts events into the locked incidents of their fingerprints, reopens resolved ones and raises severities.';

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
    where candidate.is_resolved
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
  v_new monitoring.prepared_event[];
  v_candidates monitoring.fold_candidate[];
  v_opened monitoring.upserted_incident[] := '{}'::monitoring.upserted_incident[];
  v_folded monitoring.upserted_incident[];
  v_left monitoring.prepared_event[];
begin
  v_fingerprints := array(select distinct event.fingerprint from unnest(upsert_incidents.events) as event);
  v_new := array(
    select event
    from unnest(upsert_incidents.events) as event
    where event.fingerprint not in (
      select found.fingerprint
      from monitoring.find_fold_candidates(v_fingerprints) as found
    )
  );
  if v_new <> '{}' then
    perform monitoring.lock_quotas(array(select event.quota from unnest(v_new) as event));
  end if;

  v_candidates := array(select candidate from monitoring.lock_fold_candidates(v_fingerprints) as candidate);
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
  return query
  select upserted.*
  from unnest(v_opened || v_folded) as upserted;
end
$$;

comment on function monitoring.upsert_incidents(monitoring.prepared_event[]) is
'Writes every event to its incident and returns one row per fingerprint. The senders are the actors in the audit rows.
Raises serialization_failure when it must run again.';
