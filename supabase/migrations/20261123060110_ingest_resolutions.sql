-- Purpose: lets a reporter say that an error is over: a report with the status resolved closes the incident of its
--   fingerprint if the same sender opened it.
-- Objects: table monitoring.early_resolutions; functions monitoring.read_report_status, monitoring.order_in_request,
--   monitoring.prepare_resolution, monitoring.answer_resolution, monitoring.keep_early_resolution,
--   monitoring.resolve_reported, monitoring.apply_early_resolutions, monitoring.store_resolutions,
--   monitoring.store_reports_in_order.
-- Risks: reports arrive in any order: two calls are in flight, and the spool is replayed beside new reports. Only times
--   decide. A resolution that overtakes its report is kept in early_resolutions. Who writes it, and who opens or
--   reopens an incident of that sender, hold a lock in common until commit, the quota of the sender or the resolved
--   incident: one of the two sees what the other did. Locks are taken in the order of upsert_incidents(), before the
--   first write.

create table monitoring.early_resolutions (
  fingerprint text not null,
  sender text not null,
  resolved_at timestamptz not null,
  created_at timestamptz not null default now(),
  primary key (fingerprint, sender)
);

create index early_resolutions_created_idx on monitoring.early_resolutions (created_at);

alter table monitoring.early_resolutions enable row level security;

create policy early_resolutions_is_read_by_nobody on monitoring.early_resolutions
for select to authenticated
using (false);

revoke all on table monitoring.early_resolutions from public, anon, authenticated, service_role;

comment on table monitoring.early_resolutions is
'Resolutions that a reporter sent while no incident of the fingerprint was live. They close an incident that an older
report of that sender opens later.';

comment on column monitoring.early_resolutions.fingerprint is 'Fingerprint, as in incidents.fingerprint.';

comment on column monitoring.early_resolutions.sender is 'Who sent the resolution, as in incidents.sender.';

comment on column monitoring.early_resolutions.resolved_at is 'Time of the newest resolution.';

comment on column monitoring.early_resolutions.created_at is
'Time of the row. Kept for retention.receipts_hours, as receipts are.';

create function monitoring.read_report_status(event jsonb)
returns text
language plpgsql
stable
security invoker
set search_path = ''
as $$
declare
  v_status text := coalesce(lower(read_report_status.event ->> 'status'), 'firing');
begin
  if jsonb_typeof(read_report_status.event -> 'status') not in ('string', 'null')
    or v_status not in ('firing', 'resolved')
  then
    perform monitoring.refuse_event(
      'status', 'must be firing or resolved',
      'Send resolved when the error is over. Leave the field out of the report of an error; the code of a response is '
      'http_status.'
    );
  end if;
  return v_status;
end
$$;

comment on function monitoring.read_report_status(jsonb) is
'Returns the status of an event, firing or resolved, case-insensitively. Firing when it is missing.';

create function monitoring.order_in_request(happened_at timestamptz, item jsonb)
returns timestamptz
language sql
immutable
parallel safe
security invoker
set search_path = ''
as $$
  select order_in_request.happened_at + case
    when jsonb_typeof(order_in_request.item -> 'position') = 'number'
      and length(order_in_request.item ->> 'position') <= 3
      and translate(order_in_request.item ->> 'position', '0123456789', '') = ''
      then (order_in_request.item ->> 'position')::integer * interval '1 microsecond'
    else interval '0'
  end
$$;

comment on function monitoring.order_in_request(timestamptz, jsonb) is
'Returns the time of an event that was the report number position, from 0, of a request with several: a microsecond
later for each before it. So the order of reports with equal times stays, in whatever calls they are stored.';

create function monitoring.prepare_resolution(
  event jsonb, event_position integer, sender text, received_at timestamptz default clock_timestamp()
)
returns monitoring.prepared_event
language plpgsql
stable
security invoker
set search_path = ''
as $$
declare
  v_event jsonb := prepare_resolution.event - 'status';
  v_prepared monitoring.prepared_event;
begin
  if coalesce(v_event -> 'error', 'null') <> 'null' then
    v_prepared := monitoring.prepare_event(
      v_event, prepare_resolution.event_position, prepare_resolution.sender, prepare_resolution.received_at
    );
  else
    v_prepared.event_position := prepare_resolution.event_position;
    v_prepared.sender := prepare_resolution.sender;
    v_prepared.quota := prepare_resolution.sender;
    v_prepared.idempotency_key := monitoring.read_idempotency_key(v_event, prepare_resolution.sender);
    v_prepared.fingerprint := monitoring.read_fingerprint(v_event, prepare_resolution.sender);
    v_prepared.happened_at := coalesce(
      monitoring.read_event_time(v_event, prepare_resolution.received_at), prepare_resolution.received_at
    );
  end if;
  if v_prepared.fingerprint is null then
    perform monitoring.refuse_event(
      'fingerprint', 'is missing',
      'Send the fingerprint that the report of the error had, or its error: what is resolved must be known.'
    );
  end if;
  v_prepared.body_hash := monitoring.hash_event(prepare_resolution.event);
  v_prepared.is_resolution := true;
  return v_prepared;
end
$$;

comment on function monitoring.prepare_resolution(jsonb, integer, text, timestamptz) is
'Prepares an event with the status resolved. Its fingerprint is the one that it names, else that of its error. Raises
PT400 with the name of the field when it is invalid.';

create function monitoring.answer_resolution(incident public.incidents, is_applied boolean)
returns jsonb
language sql
immutable
parallel safe
security invoker
set search_path = ''
as $$
  select jsonb_build_object(
    'success', true,
    'incident_id', (answer_resolution.incident).id,
    'severity', (answer_resolution.incident).severity,
    'category', (answer_resolution.incident).category,
    'status', (answer_resolution.incident).status,
    'occurrence_count', (answer_resolution.incident).occurrence_count,
    'duplicate', not answer_resolution.is_applied
  )
$$;

comment on function monitoring.answer_resolution(public.incidents, boolean) is
'Returns the answer to a resolution: the incident, or nulls if the sender has none of that fingerprint. duplicate says
that nothing was changed.';

create function monitoring.keep_early_resolution(resolution monitoring.prepared_event)
returns void
language sql
volatile
security invoker
set search_path = ''
as $$
  insert into monitoring.early_resolutions as known (fingerprint, sender, resolved_at)
  values (
    (keep_early_resolution.resolution).fingerprint, (keep_early_resolution.resolution).sender,
    -- A time to come would close what is reported until then.
    least((keep_early_resolution.resolution).happened_at, clock_timestamp())
  )
  on conflict (fingerprint, sender) do update
    set resolved_at = excluded.resolved_at, created_at = excluded.created_at
    where known.resolved_at < excluded.resolved_at
$$;

comment on function monitoring.keep_early_resolution(monitoring.prepared_event) is
'Keeps a resolution for which there is no live incident.';

create function monitoring.resolve_reported(resolution monitoring.prepared_event)
returns jsonb
language plpgsql
volatile
security invoker
set search_path = ''
set enable_seqscan = off
as $$
declare
  v_resolution monitoring.prepared_event := resolve_reported.resolution;
  v_incident public.incidents;
  v_since timestamptz;
begin
  select incidents.*
  into v_incident
  from public.incidents
  where incidents.fingerprint = v_resolution.fingerprint
    and incidents.status <> 'resolved';
  if found and v_incident.sender = v_resolution.sender then
    v_since := greatest(v_incident.last_seen, v_incident.reopened_at);
    if v_since > clock_timestamp() then
      -- The clock of who reported the error is ahead, by as much as choose_time() believes it.
      v_since := v_since - interval '5 minutes';
    end if;
    if v_resolution.happened_at < v_since then
      return monitoring.answer_resolution(v_incident, false);
    end if;
    perform monitoring.resolve_incidents(
      array[v_resolution.fingerprint], v_resolution.sender, v_resolution.sender, 'Reported as resolved.',
      -- A time to come would make late what is reported until then.
      least(v_resolution.happened_at, clock_timestamp())
    );
    v_incident.status := 'resolved';
    return monitoring.answer_resolution(v_incident, true);
  elsif found then
    return monitoring.answer_resolution(null, false);
  end if;

  select incidents.*
  into v_incident
  from public.incidents
  where incidents.fingerprint = v_resolution.fingerprint
    and incidents.status = 'resolved'
    and incidents.sender = v_resolution.sender
  order by incidents.resolved_at desc
  limit 1;
  if not found or v_incident.resolved_at < v_resolution.happened_at then
    perform monitoring.keep_early_resolution(v_resolution);
  end if;
  return monitoring.answer_resolution(v_incident, false);
end
$$;

comment on function monitoring.resolve_reported(monitoring.prepared_event) is
'Resolves the live incident of a fingerprint if the sender of the resolution opened or reopened it, and nothing was
reported since the time of the resolution. Returns the answer. An incident of another sender is not changed, and its
existence not revealed. The quota of the sender and the incident must be locked.';

create function monitoring.apply_early_resolutions(upserted monitoring.upserted_incident[])
returns monitoring.upserted_incident[]
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  v_early record;
  v_resolved text[] := '{}'::text[];
begin
  for v_early in
    select incidents.id, incidents.fingerprint, incidents.sender, early_resolutions.resolved_at
    from unnest(apply_early_resolutions.upserted) as upserted
    join monitoring.early_resolutions on early_resolutions.fingerprint = upserted.fingerprint
    join public.incidents
      on incidents.id = upserted.incident_id
      and incidents.sender = early_resolutions.sender
    where incidents.status <> 'resolved'
      and incidents.last_seen <= early_resolutions.resolved_at
    order by incidents.fingerprint
  loop
    perform monitoring.resolve_incidents(
      array[v_early.fingerprint], v_early.sender, v_early.sender, 'Reported as resolved.', v_early.resolved_at
    );
    v_resolved := v_resolved || v_early.id;
  end loop;
  if v_resolved = '{}' then
    return apply_early_resolutions.upserted;
  end if;
  return array(
    select row(
      incident.fingerprint, incident.incident_id, incident.severity, incident.category,
      case when incident.incident_id = any(v_resolved) then 'resolved' else incident.status end,
      incident.count_before, incident.is_new, incident.retry_after
    )::monitoring.upserted_incident
    from unnest(apply_early_resolutions.upserted) as incident
  );
end
$$;

comment on function monitoring.apply_early_resolutions(monitoring.upserted_incident[]) is
'Resolves those of the incidents that were just opened or reopened by a report that is older than a resolution of the
same sender: the resolution was stored first. Returns the incidents with their status.';

create function monitoring.store_resolutions(resolutions monitoring.prepared_event[])
returns table (event_position integer, answer jsonb)
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  v_resolution monitoring.prepared_event;
  v_receipt monitoring.event_receipts;
begin
  for v_resolution in
    select resolution.*
    from unnest(store_resolutions.resolutions) as resolution
    order by resolution.happened_at, resolution.event_position
  loop
    store_resolutions.event_position := v_resolution.event_position;
    select former.*
    into v_receipt
    from monitoring.find_receipts(array[v_resolution.idempotency_key]) as former;
    if found then
      store_resolutions.answer := case
        when v_receipt.body_hash <> v_resolution.body_hash then monitoring.describe_reused_key()
        else v_receipt.answer
      end;
    else
      store_resolutions.answer := monitoring.resolve_reported(v_resolution);
      insert into monitoring.event_receipts (idempotency_key, body_hash, answer)
      select v_resolution.idempotency_key, v_resolution.body_hash, store_resolutions.answer
      where v_resolution.idempotency_key is not null;
    end if;
    return next;
  end loop;
end
$$;

comment on function monitoring.store_resolutions(monitoring.prepared_event[]) is
'Applies resolutions in the order of their times, each key once, and writes their receipts. Returns one answer per
resolution. Quotas and incidents must be locked.';

create function monitoring.store_reports_in_order(events monitoring.prepared_event[])
returns table (event_position integer, answer jsonb)
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  v_resolutions constant monitoring.prepared_event[] := array(
    select event
    from unnest(store_reports_in_order.events) as event
    where event.is_resolution
  );
  v_after constant monitoring.prepared_event[] := array(
    select event
    from unnest(store_reports_in_order.events) as event
    join (
      select distinct on (resolution.fingerprint) resolution.fingerprint, resolution.happened_at, resolution.event_position
      from unnest(v_resolutions) as resolution
      order by resolution.fingerprint, resolution.happened_at desc, resolution.event_position desc
    ) as newest on newest.fingerprint = event.fingerprint
    where event.is_resolution is not true
      and (event.happened_at, event.event_position) > (newest.happened_at, newest.event_position)
  );
  v_before constant monitoring.prepared_event[] := array(
    select event
    from unnest(store_reports_in_order.events) as event
    where event.is_resolution is not true
      and event.event_position not in (select later.event_position from unnest(v_after) as later)
  );
  v_stored jsonb;
  v_attempt integer := 0;
begin
  loop
    v_attempt := v_attempt + 1;
    begin
      perform monitoring.lock_quotas(array(select event.quota from unnest(store_reports_in_order.events) as event));
      perform monitoring.lock_fold_candidates(array(
        select found.incident_id
        from (
          select array_agg(grouped.fingerprint) as fingerprints, array_agg(grouped.happened_at) as newest_at
          from (
            select event.fingerprint, max(event.happened_at) as happened_at
            from unnest(store_reports_in_order.events) as event
            group by event.fingerprint
          ) as grouped
        ) as newest
        cross join lateral monitoring.find_fold_candidates(newest.fingerprints, newest.newest_at) as found
      ));
      perform monitoring.lock_fixes_of_errors(array(
        select distinct event.fingerprint
        from unnest(store_reports_in_order.events) as event
      ));
      v_stored := (
        select jsonb_agg(jsonb_build_array(stored.event_position, stored.answer))
        from monitoring.store_events_isolated(v_before) as stored
        where v_before <> '{}'
      );
      v_stored := coalesce(v_stored, '[]') || (
        select jsonb_agg(jsonb_build_array(stored.event_position, stored.answer))
        from monitoring.store_resolutions(v_resolutions) as stored
      );
      v_stored := v_stored || coalesce((
        select jsonb_agg(jsonb_build_array(stored.event_position, stored.answer))
        from monitoring.store_events_isolated(v_after) as stored
        where v_after <> '{}'
      ), '[]');
      exit;
    exception
      -- As in store_events_isolated().
      when serialization_failure or unique_violation or foreign_key_violation or deadlock_detected then
        if v_attempt = 20 then
          raise;
        end if;
    end;
  end loop;

  return query
  select (pair ->> 0)::integer, pair -> 1
  from jsonb_array_elements(v_stored) as pairs (pair);
end
$$;

comment on function monitoring.store_reports_in_order(monitoring.prepared_event[]) is
'Stores a batch that contains resolutions, in three steps: the events before the newest resolution of their fingerprint
and those without one, the resolutions, and the events after it. So an incident has at most one resolution and one
reopening in a call, and its last state is right, however often the reports of the call change it. Conflicts with other
sessions are retried up to 20 times.';
