-- Purpose: writes a batch of prepared events to their incidents: opens new ones, folds into known ones. Triggers write
--   the audit rows.
-- Objects: types monitoring.fold_candidate, monitoring.upserted_incident; table monitoring.sender_quotas; functions
--   monitoring.find_fold_candidates, monitoring.lock_fold_candidates, monitoring.lock_quotas,
--   monitoring.insert_incidents, monitoring.upsert_incidents.
-- Risks: locks are always taken in this order, sorted within each kind, so that concurrent batches do not deadlock:
--   quotas by sender, existing incidents by fingerprint, known fixes that fail by id, new incidents by fingerprint,
--   hours of these incidents. A batch without new fingerprints takes no quota, so repeats of known errors do not wait
--   for each other. An hour is written only by who holds the lock of its incident, so hours wait for nobody. A public
--   key has a quota of its own: its flood of new incidents makes no server wait, whose quota is another row. A session
--   that updates many incidents in another order can still cause a deadlock; PostgreSQL detects it and
--   store_events_isolated() retries.

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
language plpgsql
stable
security invoker
set search_path = ''
set enable_seqscan = off
as $$
begin
  return query
  select found.incident_id, found.fingerprint
  from (
    select
      given.fingerprint,
      -- The second look is only for those without a live one.
      coalesce(
        (
          select incidents.id
          from public.incidents
          where incidents.fingerprint = given.fingerprint
            and incidents.status <> 'resolved'
        ),
        (
          select incidents.id
          from public.incidents
          where incidents.fingerprint = given.fingerprint
            and incidents.status = 'resolved'
            and incidents.resolved_at > given.newest_at - (
              select (config.entry ->> 'reopen_window')::interval
              from monitoring.config('incident_policy') as config (entry)
            )
          order by incidents.resolved_at desc
          limit 1
        )
      ) as incident_id
    from unnest(find_fold_candidates.fingerprints, find_fold_candidates.newest_at) as given (fingerprint, newest_at)
  ) as found
  where found.incident_id is not null;
end
$$;

comment on function monitoring.find_fold_candidates(text[], timestamptz[]) is
'Returns the incident of each fingerprint that its repeats may fold into: the live one, else the one that was resolved
last, within incident_policy.reopen_window before the newest repeat or after it. newest_at are the times of the newest
repeats, in the order of the fingerprints. Each is one look into each of two indexes, however many incidents there are.
Takes no lock.';

create function monitoring.lock_fold_candidates(incident_ids text[])
returns setof monitoring.fold_candidate
language plpgsql
volatile
security invoker
set search_path = ''
set enable_seqscan = off
as $$
begin
  return query
  select incidents.fingerprint, incidents.id, incidents.occurrence_count, incidents.last_seen, incidents.resolved_at
  from public.incidents
  where incidents.id = any(lock_fold_candidates.incident_ids)
  order by incidents.fingerprint, incidents.id
  for no key update;
end
$$;

comment on function monitoring.lock_fold_candidates(text[]) is
'Locks the incidents that find_fold_candidates() has returned, in the order of their fingerprints, and returns them as
they are now.';

create function monitoring.lock_quotas(senders text[])
returns void
language plpgsql
volatile
security invoker
set search_path = ''
as $$
begin
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
      end;
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
  v_limits constant jsonb := monitoring.config('rate_limits');
  v_limit constant integer := (v_limits ->> 'new_incidents_per_minute')::integer;
  v_public_limit constant integer := (v_limits ->> 'public_new_incidents_per_minute')::integer;
  v_has_knowledge boolean := exists (select from public.error_knowledge);
  -- The latest one only: a plan for a bound that is not known yet would read all of them.
  v_has_deployments boolean := coalesce(
    (select max(deployment_history.started_at) from public.deployment_history)
    > (select min(event.happened_at) - interval '30 minutes' from unnest(insert_incidents.events) as event),
    false
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
        partition by event.fingerprint order by event.happened_at desc, event.event_position desc
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
      case when grouped.quota like 'public:%' then v_public_limit else v_limit end as most,
      ceil(extract(epoch from sender_quotas.window_started_at + interval '1 minute' - now()))::integer as seconds_left
    from grouped
    left join monitoring.sender_quotas on sender_quotas.sender = grouped.quota
  ),

  -- A sender that is over its limit does not keep another one from opening the incident of an error that both report.
  leaders as (
    select distinct on (ranked.fingerprint) ranked.*
    from ranked
    order by ranked.fingerprint, ranked.rank > ranked.most, ranked.severity desc, ranked.event_position
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
    where leaders.rank <= leaders.most
    order by leaders.fingerprint
    on conflict (fingerprint) where status <> 'resolved' do nothing
    returning incidents.id, incidents.fingerprint, incidents.severity, incidents.category, incidents.status
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
  where leaders.rank > leaders.most;
end
$$;

comment on function monitoring.insert_incidents(monitoring.prepared_event[]) is
'Inserts an incident for each fingerprint, named by its most severe event and with the sample of its newest one, within
the limit per sender and minute: rate_limits.public_new_incidents_per_minute for a public key, else
new_incidents_per_minute. The quotas must be locked. A fingerprint that another session inserted meanwhile is left out.';

create function monitoring.upsert_incidents(events monitoring.prepared_event[])
returns setof monitoring.upserted_incident
language plpgsql
volatile
security invoker
set search_path = ''
set plan_cache_mode = force_generic_plan
as $$
declare
  v_fingerprints text[];
  v_newest_at timestamptz[];
  v_ids text[];
  v_known text[];
  v_new monitoring.prepared_event[];
  v_candidates monitoring.fold_candidate[];
  v_opened monitoring.upserted_incident[] := '{}'::monitoring.upserted_incident[];
  v_folded monitoring.upserted_incident[];
  v_left monitoring.prepared_event[];
begin
  -- Generic plans, here and in what is called: to plan all of this for a batch costs more than to run it for one event.
  -- A plan that is made while the table is empty must not read all of it later: what finds incidents uses an index.
  select array_agg(newest.fingerprint), array_agg(newest.happened_at)
  into v_fingerprints, v_newest_at
  from (
    select event.fingerprint, max(event.happened_at) as happened_at
    from unnest(upsert_incidents.events) as event
    group by event.fingerprint
  ) as newest;
  select coalesce(array_agg(found.incident_id), '{}'), coalesce(array_agg(found.fingerprint), '{}')
  into v_ids, v_known
  from monitoring.find_fold_candidates(v_fingerprints, v_newest_at) as found;
  v_new := array(
    select event
    from unnest(upsert_incidents.events) as event
    where event.fingerprint <> all(v_known)
  );
  if v_new <> '{}' then
    perform monitoring.lock_quotas(array(select event.quota from unnest(v_new) as event));
    -- Another session can have opened some of them meanwhile.
    v_ids := array(
      select found.incident_id
      from monitoring.find_fold_candidates(v_fingerprints, v_newest_at) as found
    );
  end if;

  v_candidates := array(
    select candidate
    from monitoring.lock_fold_candidates(v_ids) as candidate
  );
  v_new := array(
    select event
    from unnest(v_new) as event
    where event.fingerprint not in (select candidate.fingerprint from unnest(v_candidates) as candidate)
  );
  perform monitoring.lock_fixes_of_errors(array(
    select given
    from unnest(v_fingerprints) as given
    where given not in (select live.fingerprint from unnest(v_candidates) as live where live.resolved_at is null)
  ));
  if v_new <> '{}' then
    perform monitoring.set_change_context('sender', '{}');
    v_opened := array(select upserted from monitoring.insert_incidents(v_new) as upserted);
  end if;
  if v_opened = '{}' then
    v_left := upsert_incidents.events;
  else
    v_left := array(
      select event
      from unnest(upsert_incidents.events) as event
      where event.fingerprint not in (select opened.fingerprint from unnest(v_opened) as opened)
    );
  end if;
  v_folded := array(select upserted from monitoring.fold_events_by_sender(v_left, v_candidates) as upserted);
  perform monitoring.set_change_context('', '{}');

  -- One of each fingerprint.
  if cardinality(v_opened) + cardinality(v_folded) < cardinality(v_fingerprints) then
    -- Another session inserted the incident, or its reopen window ended since it was found. Locking it now would break
    -- the lock order.
    raise exception using
      errcode = 'serialization_failure',
      message = 'incidents changed while events were being stored',
      hint = 'Retry the transaction.';
  end if;
  perform monitoring.count_occurrences(upsert_incidents.events, v_opened || v_folded);
  if v_opened <> '{}' or exists (
    select
    from unnest(v_candidates) as candidate
    where candidate.resolved_at is not null
  ) then
    v_opened := monitoring.apply_early_resolutions(v_opened || v_folded);
    v_folded := '{}'::monitoring.upserted_incident[];
  end if;
  return query
  select upserted.*
  from unnest(v_opened || v_folded) as upserted;
end
$$;

comment on function monitoring.upsert_incidents(monitoring.prepared_event[]) is
'Writes every event to its incident and returns one row per fingerprint. The senders are the actors in the audit rows.
Incidents that it opened or reopened are resolved again if the sender has reported that already. Raises
serialization_failure when it must run again.';
