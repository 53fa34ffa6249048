-- Purpose: stores a batch of events exactly once: idempotency keys, receipts, isolation of an event that fails.
-- Objects: table monitoring.event_receipts; functions monitoring.describe_refusal, monitoring.describe_reused_key,
--   monitoring.find_receipts, monitoring.answer_event, monitoring.store_single_event, monitoring.store_keyless_events,
--   monitoring.store_events, monitoring.is_content_error, monitoring.store_events_isolated.
-- Risks: receipts are written last, sorted by key. When another session wrote the same key meanwhile, the whole batch
--   is rolled back and retried, and finds that receipt.

create table monitoring.event_receipts (
  idempotency_key text primary key,
  body_hash text,
  answer jsonb not null,
  created_at timestamptz not null default now()
);

create index event_receipts_created_idx on monitoring.event_receipts (created_at);

alter table monitoring.event_receipts enable row level security;

create policy event_receipts_is_read_by_nobody on monitoring.event_receipts
for select to authenticated
using (false);

revoke all on table monitoring.event_receipts from public, anon, authenticated, service_role;

comment on table monitoring.event_receipts is
'Answers by idempotency key, so that a repeated delivery is not counted again and gets the same answer.';

comment on column monitoring.event_receipts.idempotency_key is
'The sha256, in hex, of the route, the sender and the sender''s key, see monitoring.hash_idempotency_key().';

comment on column monitoring.event_receipts.body_hash is
'The sha256, in hex, of the body without its key. Null when the key is made from the whole content.';

comment on column monitoring.event_receipts.answer is 'Answer that the first delivery got.';

comment on column monitoring.event_receipts.created_at is
'Time of the first delivery. Kept for retention.receipts_hours.';

create function monitoring.describe_refusal(code text, message text, field text, hint text)
returns jsonb
language sql
stable
parallel safe
security invoker
set search_path = ''
as $$
  select jsonb_build_object(
    'success', false,
    'error', jsonb_build_object(
      'code', describe_refusal.code,
      'message', monitoring.sanitize_text(describe_refusal.message, 2000),
      'detail', null,
      -- An error of SQL can quote a value of the event.
      'hint', monitoring.sanitize_text(describe_refusal.hint, 2000),
      'field', describe_refusal.field
    )
  )
$$;

comment on function monitoring.describe_refusal(text, text, text, text) is
'Returns the answer to a rejected event: a PT code, a message, the field, and what to do.';

create function monitoring.describe_reused_key()
returns jsonb
language sql
stable
parallel safe
security invoker
set search_path = ''
as $$
  select monitoring.describe_refusal(
    'PT422', 'idempotency_key was sent before with another report', 'idempotency_key',
    'Send a new key with each report. A retry repeats the report unchanged.'
  )
$$;

comment on function monitoring.describe_reused_key() is
'Returns the answer to an event whose idempotency key belongs to another event of the same sender.';

create function monitoring.find_receipts(keys text[])
returns setof monitoring.event_receipts
language plpgsql
stable
security invoker
set search_path = ''
set enable_seqscan = off
as $$
begin
  -- Without the setting, a plan that was made while the table was small reads all of it.
  return query
  select event_receipts.*
  from monitoring.event_receipts
  where event_receipts.idempotency_key = any(find_receipts.keys);
end
$$;

comment on function monitoring.find_receipts(text[]) is
'Returns the receipts of those idempotency keys that were stored before, in no order.';

create function monitoring.answer_event(incident monitoring.upserted_incident, sender text, rank bigint)
returns jsonb
language plpgsql
stable
security invoker
set search_path = ''
as $$
declare
  v_incident constant monitoring.upserted_incident := answer_event.incident;
begin
  if v_incident.incident_id is not null then
    return jsonb_build_object(
      'success', true,
      'incident_id', v_incident.incident_id,
      'severity', v_incident.severity,
      'category', v_incident.category,
      'status', v_incident.status,
      'occurrence_count', v_incident.count_before + answer_event.rank,
      'duplicate', not (v_incident.is_new and answer_event.rank = 1)
    );
  end if;
  return jsonb_set(
    monitoring.describe_refusal(
      'PT429',
      format('%s has reached its limit of new incidents per minute', answer_event.sender),
      null,
      format(
        'Repeats are still counted. Send the event again later, or raise rate_limits.%s.',
        case
          when answer_event.sender like 'public:%' then 'public_new_incidents_per_minute'
          else 'new_incidents_per_minute'
        end
      )
    ),
    '{error,retry_after}',
    to_jsonb(v_incident.retry_after)
  );
end
$$;

comment on function monitoring.answer_event(monitoring.upserted_incident, text, bigint) is
'Returns the answer to an event. rank is the position of the event among the events of its fingerprint in the batch,
from 1.';

create function monitoring.store_single_event(event monitoring.prepared_event)
returns jsonb
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  v_event constant monitoring.prepared_event := store_single_event.event;
  v_incident monitoring.upserted_incident;
  v_answer jsonb;
begin
  if v_event.idempotency_key is not null and exists (
    select from monitoring.find_receipts(array[v_event.idempotency_key])
  ) then
    return null;
  end if;
  v_incident := monitoring.fold_known_event(v_event);
  if v_incident.fingerprint is null then
    v_incident := monitoring.upsert_incidents(array[v_event]);
  end if;
  v_answer := monitoring.answer_event(v_incident, v_event.sender, 1);
  if v_event.idempotency_key is not null and v_incident.incident_id is not null then
    insert into monitoring.event_receipts (idempotency_key, body_hash, answer)
    values (v_event.idempotency_key, v_event.body_hash, v_answer);
  end if;
  return v_answer;
end
$$;

comment on function monitoring.store_single_event(monitoring.prepared_event) is
'Does what store_events() does for one event, at a lower cost, and returns its answer. Returns null, and stores nothing,
for a key that was seen before.';

create function monitoring.store_keyless_events(events monitoring.prepared_event[])
returns table (event_position integer, answer jsonb)
language plpgsql
volatile
security invoker
set search_path = ''
as $$
begin
  return query
  select
    ranked.event_position,
    monitoring.answer_event(upserted, ranked.sender, ranked.rank)
  from (
    select
      event.event_position, event.fingerprint, event.sender,
      row_number() over (partition by event.fingerprint order by event.event_position) as rank
    from unnest(store_keyless_events.events) as event
  ) as ranked
  join monitoring.upsert_incidents(store_keyless_events.events) as upserted
    on upserted.fingerprint = ranked.fingerprint;
end
$$;

comment on function monitoring.store_keyless_events(monitoring.prepared_event[]) is
'Stores a batch without idempotency keys: as store_events(), which it is a part of, without receipts.';

create function monitoring.store_events(events monitoring.prepared_event[])
returns table (event_position integer, answer jsonb)
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  v_keys text[];
  v_stored text[];
  v_fresh monitoring.prepared_event[];
  v_has_known boolean;
begin
  if cardinality(store_events.events) = 1 then
    store_events.answer := monitoring.store_single_event(store_events.events[1]);
    if store_events.answer is not null then
      store_events.event_position := (store_events.events[1]).event_position;
      return next;
      return;
    end if;
  end if;
  v_keys := array(
    select event.idempotency_key
    from unnest(store_events.events) as event
    where event.idempotency_key is not null
  );
  if v_keys = '{}' then
    return query
    select stored.event_position, stored.answer
    from monitoring.store_keyless_events(store_events.events) as stored;
    return;
  end if;

  -- Events with an idempotency key that was seen before, or earlier in this batch, are not counted.
  v_stored := array(
    select former.idempotency_key
    from monitoring.find_receipts(v_keys) as former
  );
  v_fresh := array(
    select first_of_key.event
    from (
      select distinct on (coalesce('key ' || event.idempotency_key, 'place ' || event.event_position)) event
      from unnest(store_events.events) as event
      where event.idempotency_key is null or event.idempotency_key <> all(v_stored)
      order by coalesce('key ' || event.idempotency_key, 'place ' || event.event_position), event.event_position
    ) as first_of_key
  );
  v_has_known := cardinality(v_fresh) < cardinality(store_events.events);

  return query
  with answered as (
    select
      ranked.event_position,
      ranked.idempotency_key,
      ranked.body_hash,
      monitoring.answer_event(upserted, ranked.sender, ranked.rank) as answer
    from (
      select
        event.event_position, event.idempotency_key, event.body_hash, event.fingerprint, event.sender,
        row_number() over (partition by event.fingerprint order by event.event_position) as rank
      from unnest(v_fresh) as event
    ) as ranked
    join monitoring.upsert_incidents(v_fresh) as upserted on upserted.fingerprint = ranked.fingerprint
  ),

  receipted as (
    insert into monitoring.event_receipts (idempotency_key, body_hash, answer)
    select answered.idempotency_key, answered.body_hash, answered.answer
    from answered
    where answered.idempotency_key is not null
      and answered.answer @> '{"success": true}'
    order by answered.idempotency_key
  )

  select answered.event_position, answered.answer
  from answered
  union all
  select
    event.event_position,
    case
      when event.body_hash <> coalesce(twin.body_hash, former.body_hash) then monitoring.describe_reused_key()
      else coalesce(twin.answer, former.answer)
    end
  from unnest(store_events.events) as event
  left join answered as twin on twin.idempotency_key = event.idempotency_key
  left join monitoring.find_receipts(v_stored) as former on former.idempotency_key = event.idempotency_key
  where v_has_known
    and event.event_position not in (select fresh.event_position from unnest(v_fresh) as fresh);
end
$$;

comment on function monitoring.store_events(monitoring.prepared_event[]) is
'Stores a batch in one step: inserts, reopens or folds, audits, writes the receipts. Returns one answer per event, in
no order.';

create function monitoring.is_content_error(code text)
returns boolean
language sql
immutable
strict
parallel safe
security invoker
set search_path = ''
as $$
  select is_content_error.code in ('22001', '22003', '22021', '22P02', '22P05', '23514', '54000', '54001')
$$;

comment on function monitoring.is_content_error(text) is
'Returns whether an SQLSTATE can be caused by the content of an event: a value of a wrong form, length or encoding, a
failed CHECK, a value too large to index or nested too deeply. Any other error, known or not, is the fault of the
database, such as an exhausted sequence (2200H): the event must wait. Compare is_caused_by_body(), for Sentry.';

create function monitoring.store_events_isolated(events monitoring.prepared_event[])
returns table (event_position integer, answer jsonb)
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  v_attempt integer := 0;
begin
  loop
    v_attempt := v_attempt + 1;
    begin
      -- It returns nothing before all is stored, so a failed attempt has no answers.
      return query
      select stored.event_position, stored.answer
      from monitoring.store_events(store_events_isolated.events) as stored;
      return;
    exception
      -- Another session was first with a key or a fingerprint, deleted a known error, or updates many incidents in
      -- another order. The locks taken here are released by the exception, so try again.
      when serialization_failure or unique_violation or foreign_key_violation or deadlock_detected then
        if v_attempt = 20 then
          raise;
        end if;
      when others then
        if not monitoring.is_content_error(sqlstate) then
          raise;
        end if;
        if cardinality(store_events_isolated.events) > 1 then
          -- Quotas come before incidents, as in every other batch.
          perform monitoring.lock_quotas(array(select event.quota from unnest(store_events_isolated.events) as event));
          return query
          select stored.event_position, stored.answer
          from (
            -- Each event keeps its locks until commit, so they are taken in the order of every other batch.
            select event
            from unnest(store_events_isolated.events) as event
            order by event.fingerprint, event.event_position
          ) as sorted
          cross join lateral monitoring.store_events_isolated(array[sorted.event]) as stored;
          return;
        end if;
        return query
        select
          store_events_isolated.events[1].event_position,
          monitoring.describe_refusal('PT422', 'the event cannot be stored', null, sqlerrm);
        return;
    end;
  end loop;
end
$$;

comment on function monitoring.store_events_isolated(monitoring.prepared_event[]) is
'Stores a batch in one step, or each event separately when one of them fails. Conflicts with other sessions are
retried up to 20 times.';
