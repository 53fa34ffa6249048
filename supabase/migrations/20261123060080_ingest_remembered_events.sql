-- Purpose: remembers what the sanitized, classified and fingerprinted form of a known event is, so that a repeat in a
--   later call is not judged again. Floods of errors consist of such events.
-- Objects: tables monitoring.event_keys, monitoring.remembered_events; functions monitoring.renew_event_key,
--   monitoring.forget_prepared_events, monitoring.identify_event, monitoring.identify_context,
--   monitoring.hash_context, monitoring.list_event_slots, monitoring.recall_event, monitoring.remember_events,
--   monitoring.forget_remembered_events, monitoring.purge_remembered_events; triggers rules_make_events_unknown,
--   formats_make_events_unknown, configuration_makes_events_unknown.
-- Risks: what is remembered must depend on nothing that is not part of its key: the sender, the event but for its
--   context, URL, time and idempotency key, and the secret in event_keys, which changes with the rules, the formats of
--   secrets, the configuration and each installation. It is used for 10 minutes, so that a function that was replaced
--   by hand counts soon. Only sanitized texts are stored, and of the event itself a hash with the secret. Nobody
--   waits: a session that cannot have the lock remembers nothing. Public keys have slots and a lock of their own, so
--   that a flood of them makes no event of a server unknown.

create table monitoring.event_keys (
  is_only_row boolean primary key default true,
  secret bytea not null,
  constraint there_is_one_event_key check (is_only_row)
);

alter table monitoring.event_keys enable row level security;

create policy event_keys_is_read_by_nobody on monitoring.event_keys
for select to authenticated
using (false);

revoke all on table monitoring.event_keys from public, anon, authenticated, service_role;

comment on table monitoring.event_keys is
'The secret with which events are hashed to be recognized. A new one makes all remembered events unknown.';

comment on column monitoring.event_keys.is_only_row is 'True: the table has one row.';

comment on column monitoring.event_keys.secret is '32 random bytes.';

comment on constraint event_keys_pkey on monitoring.event_keys is
'The table has one row, which renew_event_key() writes.';

comment on constraint there_is_one_event_key on monitoring.event_keys is
'The table has one row, which renew_event_key() writes.';

-- Unlogged: after a crash the events are judged again.
create unlogged table monitoring.remembered_events (
  slot integer primary key,
  event_key bytea not null,
  context_key bytea not null,
  prepared monitoring.prepared_event not null,
  remembered_at timestamptz not null default now(),
  constraint slot_is_below_8192 check (slot between 0 and 8191)
)
with (fillfactor = 50);

alter table monitoring.remembered_events enable row level security;

create policy remembered_events_is_read_by_nobody on monitoring.remembered_events
for select to authenticated
using (false);

revoke all on table monitoring.remembered_events from public, anon, authenticated, service_role;

comment on table monitoring.remembered_events is
'Prepared forms of events whose incident is known, at most 8,192 of at most 32 kB. A cache: it may be emptied at any
time.';

comment on column monitoring.remembered_events.slot is
'Place of the event: one of the two that list_event_slots() names. An event replaces another one that is at least a
minute old.';

comment on column monitoring.remembered_events.event_key is 'What identify_event() returns for the event.';

comment on column monitoring.remembered_events.context_key is
'The sha256 of the secret and of what the sanitized context and URL were made from. A repeat with others gets its own.';

comment on column monitoring.remembered_events.prepared is
'The prepared event: sanitized texts, its verdict and its fingerprint. Without time, place and idempotency key.';

comment on column monitoring.remembered_events.remembered_at is
'Time at which it was stored. It is used for 10 minutes.';

comment on constraint remembered_events_pkey on monitoring.remembered_events is 'A place holds one event.';

comment on constraint slot_is_below_8192 on monitoring.remembered_events is
'The table has at most 8,192 rows, whatever is reported.';

create function monitoring.renew_event_key()
returns void
language sql
volatile
security invoker
set search_path = ''
as $$
  insert into monitoring.event_keys as known (secret)
  values (uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()))
  on conflict (is_only_row) do update
    set secret = excluded.secret
$$;

comment on function monitoring.renew_event_key() is
'Makes all remembered events unknown: what they were prepared with has changed.';

create function monitoring.forget_prepared_events()
returns trigger
language plpgsql
volatile
security invoker
set search_path = ''
as $$
begin
  perform monitoring.renew_event_key();
  return null;
end
$$;

comment on function monitoring.forget_prepared_events() is
'Makes all remembered events unknown when a table changes that decides how events are prepared.';

create trigger rules_make_events_unknown
after insert or update or delete or truncate on public.classification_rules
for each statement execute function monitoring.forget_prepared_events();

create trigger formats_make_events_unknown
after insert or update or delete or truncate on monitoring.secret_formats
for each statement execute function monitoring.forget_prepared_events();

create trigger configuration_makes_events_unknown
after insert or update or delete on public.system_config
for each statement execute function monitoring.forget_prepared_events();

create function monitoring.identify_event(secret bytea, sender text, essence text, sdk_event jsonb)
returns bytea
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $$
begin
  -- The length of the sender separates it from what follows.
  return sha256(
    identify_event.secret || convert_to(
      concat_ws(
        ' ', octet_length(identify_event.sender), identify_event.sender,
        case
          when identify_event.sdk_event is null then identify_event.essence
          else monitoring.identify_sdk_event(identify_event.sdk_event)
        end
      ), 'UTF8'
    )
  );
end
$$;

comment on function monitoring.identify_event(bytea, text, text, jsonb) is
'Returns a hash of a sender and of what makes its event the same as another one but for context, URL, time and
idempotency key: that is the essence of a report. The secret keeps what is in the event from whoever reads the hash.';

create function monitoring.identify_context(event jsonb, happened_at timestamptz)
returns jsonb
language plpgsql
stable
security invoker
set search_path = ''
as $$
begin
  -- A time that is not believed is kept in the context, even a null.
  if identify_context.event ? 'timestamp'
    and monitoring.read_event_time(identify_context.event, identify_context.happened_at) is null
  then
    return jsonb_build_array(
      identify_context.event -> 'context', identify_context.event -> 'url', identify_context.event -> 'timestamp'
    );
  end if;
  return jsonb_build_array(identify_context.event -> 'context', identify_context.event -> 'url');
end
$$;

comment on function monitoring.identify_context(jsonb, timestamptz) is
'Returns from what the context and the URL of an event are made, in two events that identify_event() takes for one.
happened_at is when it was received, or the time of the event if that is believed.';

create function monitoring.hash_context(secret bytea, event jsonb, happened_at timestamptz)
returns bytea
language plpgsql
stable
security invoker
set search_path = ''
as $$
begin
  return sha256(
    hash_context.secret
    || convert_to(monitoring.identify_context(hash_context.event, hash_context.happened_at)::text, 'UTF8')
  );
end
$$;

comment on function monitoring.hash_context(bytea, jsonb, timestamptz) is
'Returns a hash of what identify_context() returns.';

create function monitoring.list_event_slots(event_key bytea, sender text)
returns integer[]
language plpgsql
immutable
strict
parallel safe
security invoker
set search_path = ''
as $$
declare
  v_key constant bytea := list_event_slots.event_key;
  v_first constant integer := case when starts_with(list_event_slots.sender, 'public:') then 4096 else 0 end;
begin
  return array[
    v_first + ((get_byte(v_key, 0) << 8 | get_byte(v_key, 1)) & 4095),
    v_first + ((get_byte(v_key, 2) << 8 | get_byte(v_key, 3)) & 4095)
  ];
end
$$;

comment on function monitoring.list_event_slots(bytea, text) is
'Returns the two slots in which an event of a sender can be: of 4,096 for public keys, or of 4,096 for all others. With
two, 1,000 events that repeat all the time hardly ever replace each other.';

create function monitoring.recall_event(event_key bytea, sender text)
returns monitoring.remembered_events
language plpgsql
stable
strict
security invoker
set search_path = ''
as $$
declare
  v_slot integer;
  v_known monitoring.remembered_events;
begin
  foreach v_slot in array monitoring.list_event_slots(recall_event.event_key, recall_event.sender) loop
    select known.*
    into v_known
    from monitoring.remembered_events as known
    where known.slot = v_slot
      and known.event_key = recall_event.event_key
      and known.remembered_at > now() - interval '10 minutes';
    exit when found;
  end loop;
  return v_known;
end
$$;

comment on function monitoring.recall_event(bytea, text) is
'Returns what is remembered of an event of a sender; nulls when it is unknown.';

create function monitoring.remember_events(events monitoring.remembered_events[])
returns void
language plpgsql
volatile
security invoker
set search_path = ''
set enable_seqscan = off
as $$
declare
  v_is_public boolean;
begin
  for v_is_public in
    select distinct starts_with((event.prepared).sender, 'public:')
    from unnest(remember_events.events) as event
  loop
    -- Until the end of the transaction one session writes these slots, so none waits for the row of another one.
    continue when not pg_try_advisory_xact_lock(20261201, case when v_is_public then 2 else 1 end);
    insert into monitoring.remembered_events as known (slot, event_key, context_key, prepared)
    select distinct on (placed.slot) placed.slot, event.event_key, event.context_key, event.prepared
    from unnest(remember_events.events) as event
    cross join lateral (
      select given.slot
      from unnest(monitoring.list_event_slots(event.event_key, (event.prepared).sender)) as given (slot)
      left join monitoring.remembered_events as former on former.slot = given.slot
      where former.slot is null or former.remembered_at < now() - interval '1 minute'
      order by former.remembered_at nulls first
      limit 1
    ) as placed
    where starts_with((event.prepared).sender, 'public:') = v_is_public
      and pg_column_size(event.prepared) <= 32768
    order by placed.slot, event.event_key
    on conflict (slot) do update
      set
        event_key = excluded.event_key,
        context_key = excluded.context_key,
        prepared = excluded.prepared,
        remembered_at = excluded.remembered_at
      where known.remembered_at < now() - interval '1 minute';
  end loop;
end
$$;

comment on function monitoring.remember_events(monitoring.remembered_events[]) is
'Remembers prepared events, unless another session is doing the same, or something that is less than a minute old has
each of their slots: so a flood of different events writes little.';

create function monitoring.forget_remembered_events()
returns void
language plpgsql
volatile
security invoker
set search_path = ''
as $$
begin
  perform pg_advisory_xact_lock(20261201, 1);
  perform pg_advisory_xact_lock(20261201, 2);
  delete from monitoring.remembered_events;
end
$$;

comment on function monitoring.forget_remembered_events() is
'Deletes all remembered events. Waits until who is writing them is done: call it before rows are locked.';

create function monitoring.purge_remembered_events()
returns bigint
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  v_count bigint := 0::bigint;
begin
  if pg_try_advisory_xact_lock(20261201, 1) and pg_try_advisory_xact_lock(20261201, 2) then
    delete from monitoring.remembered_events
    where remembered_events.remembered_at < now() - interval '1 hour';
    get diagnostics v_count = row_count;
  end if;
  return v_count;
end
$$;

comment on function monitoring.purge_remembered_events() is
'Deletes remembered events older than an hour, which are not used any more, and returns their number. Does nothing while
another session writes there.';
