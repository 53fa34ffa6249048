-- Purpose: provides the RPCs that take error reports: batches for the service, single reports for agents and the SQL
--   editor.
-- Objects: functions monitoring.open_envelope, monitoring.describe_unreadable_event, monitoring.prepare_reported_event,
--   monitoring.has_stored_events, monitoring.complete_contexts, monitoring.list_unknown_events,
--   monitoring.prepare_events, monitoring.store_prepared_events, public.ingest_events, public.report_error.
-- Risks: both RPCs are security definer, because API roles have no other right to write incidents. The size limits are
--   checked before anything is read or locked.

create function monitoring.open_envelope(
  item jsonb, out sender text, out event jsonb, out received_at timestamptz, out sdk_event jsonb
)
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  v_name text;
begin
  if pg_column_size(open_envelope.item) > 1572864 then
    raise exception using
      errcode = 'PT413',
      message = 'the event is larger than 1.5 MiB',
      detail = 'event',
      hint = 'Shorten its stack or its context: at most 32 kB and 64 kB of them are stored.';
  end if;
  if jsonb_typeof(open_envelope.item) <> 'object' then
    open_envelope.item := '{}'::jsonb; -- rejected by prepare_event(), because it has no error
  end if;
  open_envelope.received_at := clock_timestamp();
  if open_envelope.item ? 'error' or (
    not open_envelope.item ? 'sentry_event' and jsonb_typeof(open_envelope.item -> 'event') is distinct from 'object'
  ) then
    open_envelope.sender := 'server:default';
    open_envelope.event := open_envelope.item;
    return;
  end if;
  open_envelope.sender := open_envelope.item ->> 'sender';
  open_envelope.event := open_envelope.item -> 'event';
  if open_envelope.item ? 'received_at' then
    -- The spool can have kept the report for days. Statistics of the last 30 days are counted again.
    open_envelope.received_at := least(
      greatest(
        coalesce(monitoring.parse_timestamp(open_envelope.item -> 'received_at'), open_envelope.received_at),
        now() - interval '29 days'
      ),
      open_envelope.received_at
    );
  end if;
  v_name := substr(open_envelope.sender, strpos(open_envelope.sender, ':') + 1);
  if open_envelope.sender is distinct from 'service' and (
    coalesce(split_part(open_envelope.sender, ':', 1), '') not in ('server', 'public', 'agent')
    or length(v_name) not between 1 and 100
    or v_name <> monitoring.join_lines(v_name)
  ) then
    perform monitoring.refuse_event(
      'sender', 'is unknown',
      'Send service, server:<name of an ingest token>, public:<name of a public key> or agent:<subject of a JWT>.'
    );
  end if;
  if open_envelope.item ? 'sentry_event' then
    open_envelope.sdk_event := open_envelope.item -> 'sentry_event';
    if jsonb_typeof(open_envelope.sdk_event) <> 'object' or open_envelope.sdk_event = '{}' then
      perform monitoring.refuse_event(
        'sentry_event', 'must be a JSON object with members', 'Send an event of a Sentry SDK.'
      );
    end if;
  elsif starts_with(open_envelope.sender, 'public:') then
    open_envelope.event := monitoring.limit_public_report(open_envelope.event, open_envelope.sender);
  end if;
end
$$;

comment on function monitoring.open_envelope(jsonb) is
'Returns the sender and the event of an element of ingest_events(): {"sender", "event", "received_at"?}, or
{"sender", "sentry_event", "received_at"?} with an event of a Sentry SDK, or an event
alone, whose sender is server:default. The service wraps every report, so that no report names its own sender, nor the
time at which the service received it: at most 29 days ago, and not later than now, which it is when it is missing or
invalid. Raises PT413 for an element
larger than 1.5 MiB as jsonb: a body of 1 MiB is always smaller.';

create function monitoring.describe_unreadable_event(code text, message text, field text, hint text)
returns jsonb
language plpgsql
stable
security invoker
set search_path = ''
as $$
begin
  if describe_unreadable_event.code in ('PT400', 'PT413') then
    return monitoring.describe_refusal(
      describe_unreadable_event.code, describe_unreadable_event.message, nullif(describe_unreadable_event.field, ''),
      describe_unreadable_event.hint
    );
  end if;
  return monitoring.describe_refusal('PT422', 'the event cannot be read', null, describe_unreadable_event.message);
end
$$;

comment on function monitoring.describe_unreadable_event(text, text, text, text) is
'Returns the answer to an event that cannot be prepared, from the error: its SQLSTATE, message, detail and hint.';

create function monitoring.prepare_reported_event(
  known monitoring.prepared_event,
  event jsonb,
  sdk_event jsonb,
  event_position integer,
  sender text,
  received_at timestamptz
)
returns monitoring.prepared_event
language plpgsql
stable
security invoker
set search_path = ''
as $$
declare
  v_prepared monitoring.prepared_event := prepare_reported_event.known;
begin
  if prepare_reported_event.sdk_event is not null then
    return monitoring.prepare_sdk_event(
      prepare_reported_event.sdk_event, prepare_reported_event.event_position, prepare_reported_event.sender,
      prepare_reported_event.received_at, v_prepared
    );
  elsif v_prepared.fingerprint is null then
    return monitoring.prepare_event(
      prepare_reported_event.event, prepare_reported_event.event_position, prepare_reported_event.sender,
      prepare_reported_event.received_at
    );
  end if;
  v_prepared.event_position := prepare_reported_event.event_position;
  v_prepared.idempotency_key := monitoring.read_idempotency_key(
    prepare_reported_event.event, prepare_reported_event.sender
  );
  v_prepared.body_hash := monitoring.hash_event(prepare_reported_event.event);
  v_prepared.happened_at := coalesce(
    monitoring.read_event_time(prepare_reported_event.event, prepare_reported_event.received_at),
    prepare_reported_event.received_at
  );
  if jsonb_typeof(prepare_reported_event.event -> 'url') not in ('string', 'number', 'null') then
    perform monitoring.read_event_text(prepare_reported_event.event, 'url', '', 2048); -- which refuses it
  end if;
  perform monitoring.check_event_context(prepare_reported_event.event);
  return v_prepared;
end
$$;

comment on function monitoring.prepare_reported_event(
  monitoring.prepared_event, jsonb, jsonb, integer, text, timestamptz
) is
'Prepares a report, or an event of an SDK if sdk_event is not null. known is a prepared event that differs from it only
in context, URL, time and idempotency key, with nulls when there is none. The event gets the context and the URL of that
one, too: complete_contexts() gives those that are stored their own.';

create function monitoring.has_stored_events(events monitoring.prepared_event[])
returns boolean
language plpgsql
stable
security invoker
set search_path = ''
as $$
declare
  v_keys constant text[] := array(
    select event.idempotency_key
    from unnest(has_stored_events.events) as event
    where event.idempotency_key is not null
  );
begin
  return v_keys <> '{}' and (
    cardinality(v_keys) > (select count(distinct given.idempotency_key) from unnest(v_keys) as given (idempotency_key))
    or exists (select from monitoring.find_receipts(v_keys))
  );
end
$$;

comment on function monitoring.has_stored_events(monitoring.prepared_event[]) is
'Returns whether some of the events will not be stored: their idempotency key was stored before, or occurs twice.';

create function monitoring.complete_contexts(
  prepared monitoring.prepared_event[],
  firsts integer[],
  known_contexts bytea[],
  events jsonb[],
  sdk_events jsonb[],
  secret bytea
)
returns monitoring.prepared_event[]
language plpgsql
stable
security invoker
set search_path = ''
as $$
declare
  v_prepared monitoring.prepared_event[] := complete_contexts.prepared;
  v_needs_all constant boolean := cardinality(complete_contexts.prepared) > 1 and (
    array_position(complete_contexts.firsts, null) is not null
    or monitoring.has_stored_events(complete_contexts.prepared)
  );
  v_newest integer[] := '{}'::integer[]; -- place of the newest event, at the place of the first one like it
  v_own monitoring.prepared_event;
  v_first integer;
  v_event jsonb;
begin
  for v_at in 1..cardinality(v_prepared) loop
    v_first := complete_contexts.firsts[v_at];
    continue when v_first is null;
    if v_prepared[v_newest[v_first]].happened_at > v_prepared[v_at].happened_at is not true then
      v_newest[v_first] := v_at;
    end if;
  end loop;
  for v_at in 1..cardinality(v_prepared) loop
    v_first := complete_contexts.firsts[v_at];
    continue when v_first is null
      or v_first = v_at and complete_contexts.known_contexts[v_first] is null
      or v_newest[v_first] <> v_at and not v_needs_all;
    v_own := v_prepared[v_at];
    v_event := complete_contexts.events[v_at];
    if complete_contexts.sdk_events[v_at] is not null then
      v_event := monitoring.describe_sdk_event(complete_contexts.sdk_events[v_at], v_own.sender);
    elsif complete_contexts.known_contexts[v_first] is null then
      continue when monitoring.identify_context(v_event, v_own.happened_at)::text
        = monitoring.identify_context(complete_contexts.events[v_first], v_prepared[v_first].happened_at)::text;
    else
      continue when monitoring.hash_context(complete_contexts.secret, v_event, v_own.happened_at)
        = complete_contexts.known_contexts[v_first];
    end if;
    v_prepared[v_at] := monitoring.complete_repeat(v_own, v_event, v_own.happened_at);
  end loop;
  return v_prepared;
end
$$;

comment on function monitoring.complete_contexts(
  monitoring.prepared_event[], integer[], bytea[], jsonb[], jsonb[], bytea
) is
'Gives the newest of events that are alike its own context and URL: it is the one that is stored. Between resolutions,
or where some were stored before, any of them can be the newest, so all get their own. firsts contains the place of the
first one like it, null for a resolution. known_contexts contains, at the place of a first one that was remembered, from what
its context was made, see hash_context(). events and sdk_events are those of open_envelope(). All lists are in the
order of prepared.';

create function monitoring.list_unknown_events(
  prepared monitoring.prepared_event[],
  firsts integer[],
  known_contexts bytea[],
  event_keys bytea[],
  events jsonb[],
  sdk_events jsonb[],
  secret bytea
)
returns monitoring.remembered_events[]
language plpgsql
stable
security invoker
set search_path = ''
as $$
declare
  v_unknown monitoring.remembered_events[] := '{}'::monitoring.remembered_events[];
  v_one monitoring.remembered_events;
begin
  for v_at in 1..cardinality(list_unknown_events.prepared) loop
    continue when list_unknown_events.firsts[v_at] is distinct from v_at
      or list_unknown_events.known_contexts[v_at] is not null;
    v_one.event_key := list_unknown_events.event_keys[v_at];
    v_one.prepared := list_unknown_events.prepared[v_at];
    v_one.context_key := case
      when list_unknown_events.sdk_events[v_at] is not null then ''::bytea
      else monitoring.hash_context(
        list_unknown_events.secret, list_unknown_events.events[v_at], (v_one.prepared).happened_at
      )
    end;
    v_one.prepared.idempotency_key := null;
    v_one.prepared.body_hash := null;
    v_one.prepared.happened_at := null;
    v_unknown := v_unknown || v_one;
  end loop;
  return v_unknown;
end
$$;

comment on function monitoring.list_unknown_events(
  monitoring.prepared_event[], integer[], bytea[], bytea[], jsonb[], jsonb[], bytea
) is
'Returns what remember_events() can remember of a call: the first event of each kind that was not remembered. The
arguments are those of complete_contexts(), and the keys of the events. Events of an SDK never have equal contexts.';

create function monitoring.prepare_events(
  events jsonb,
  out prepared monitoring.prepared_event[],
  out refused jsonb,
  out unknown monitoring.remembered_events[],
  out has_resolution boolean
)
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  v_secret constant bytea := (select event_keys.secret from monitoring.event_keys); -- without, nothing is remembered
  v_events jsonb[] := '{}'::jsonb[]; -- these lists are in the order of prepared
  v_sdk_events jsonb[] := '{}'::jsonb[];
  v_keys bytea[] := '{}'::bytea[];
  v_firsts integer[] := '{}'::integer[]; -- place of the first event like it; null for a resolution
  v_contexts bytea[] := '{}'::bytea[];   -- from what the context of a remembered event was made
  v_count integer := 0;
  v_has_known boolean := false;
  v_has_unknown boolean := false;
  v_key bytea;
  v_essence text;
  v_former text;        -- the essence that v_key identifies
  v_former_sender text;
  v_first integer;
  v_item record;
  v_event record;
  v_is_resolution boolean;
  v_known monitoring.remembered_events;
  v_one monitoring.prepared_event;
  v_message text;
  v_field text;
  v_hint text;
begin
  prepared := '{}'::monitoring.prepared_event[];
  refused := '{}'::jsonb;
  for v_item in
    select items.item, items.position::integer as position
    from jsonb_array_elements(prepare_events.events) with ordinality as items (item, position)
  loop
    begin
      v_event := monitoring.open_envelope(v_item.item);
      v_known := null;
      v_is_resolution := v_event.event ? 'status' and monitoring.read_report_status(v_event.event) = 'resolved';
      if v_is_resolution then
        v_key := null;
        v_former := null;
        v_first := null;
        v_one := monitoring.prepare_resolution(v_event.event, v_item.position, v_event.sender, v_event.received_at);
      else
        v_event.event := v_event.event - 'status';
        -- Most are like the one before. Compared as text, because 1 and 1.0 are equal numbers and different texts.
        v_essence := (v_event.event - array['context', 'url', 'timestamp', 'idempotency_key'])::text;
        if v_event.sdk_event is not null or (v_event.sender = v_former_sender and v_essence = v_former) is not true then
          v_key := monitoring.identify_event(coalesce(v_secret, ''), v_event.sender, v_essence, v_event.sdk_event);
          v_former := v_essence;
          v_former_sender := v_event.sender;
        end if;
        v_first := coalesce(array_position(v_keys, v_key), v_count + 1);
        if v_first > v_count and v_secret is not null then
          v_known := monitoring.recall_event(v_key, v_event.sender);
        end if;
        v_one := case when v_first > v_count then v_known.prepared else prepared[v_first] end;
        v_has_known := v_has_known or v_one.fingerprint is not null;
        v_has_unknown := v_has_unknown or v_one.fingerprint is null and v_secret is not null;
        v_one := monitoring.prepare_reported_event(
          v_one, v_event.event, v_event.sdk_event, v_item.position, v_event.sender, v_event.received_at
        );
      end if;
      if v_item.item ? 'position' then
        v_one.happened_at := monitoring.order_in_request(v_one.happened_at, v_item.item);
      end if;
      prepared := prepared || v_one;
      v_count := v_count + 1;
      v_keys := v_keys || v_key;
      v_firsts := v_firsts || v_first;
      v_contexts := v_contexts || v_known.context_key;
      v_events := v_events || v_event.event;
      v_sdk_events := v_sdk_events || v_event.sdk_event;
    exception when others then
      if sqlstate not in ('PT400', 'PT413') and not monitoring.is_content_error(sqlstate) then
        raise;
      end if;
      get stacked diagnostics v_message = message_text, v_field = pg_exception_detail, v_hint = pg_exception_hint;
      refused := refused || jsonb_build_object(
        v_item.position, monitoring.describe_unreadable_event(sqlstate, v_message, v_field, v_hint)
      );
    end;
  end loop;
  has_resolution := array_position(v_firsts, null) is not null;
  if v_has_unknown then
    unknown := monitoring.list_unknown_events(prepared, v_firsts, v_contexts, v_keys, v_events, v_sdk_events, v_secret);
  end if;
  if v_has_known then
    prepared := monitoring.complete_contexts(prepared, v_firsts, v_contexts, v_events, v_sdk_events, v_secret);
  end if;
end
$$;

comment on function monitoring.prepare_events(jsonb) is
'Prepares the elements of ingest_events() in their order, those that are like another one of the call or a remembered
one at lower cost. refused is an object with the answers to those that are rejected, by position from 1. unknown is
what can be remembered once it is stored, null if nothing can. has_resolution says that prepared contains
resolutions.';

create function monitoring.store_prepared_events(events monitoring.prepared_event[], has_resolution boolean)
returns table (event_position integer, answer jsonb)
language plpgsql
volatile
security invoker
set search_path = ''
as $$
begin
  if store_prepared_events.events = '{}' then
    return;
  elsif store_prepared_events.has_resolution then
    return query
    select stored.event_position, stored.answer
    from monitoring.store_reports_in_order(store_prepared_events.events) as stored;
  else
    return query
    select stored.event_position, stored.answer
    from monitoring.store_events_isolated(store_prepared_events.events) as stored;
  end if;
end
$$;

comment on function monitoring.store_prepared_events(monitoring.prepared_event[], boolean) is
'Stores what prepare_events() returns. Only resolutions make the order of the events of one error matter.';

create function public.ingest_events(events jsonb)
returns jsonb
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  v_prepared monitoring.prepared_event[];
  v_refused jsonb;
  v_unknown monitoring.remembered_events[];
  v_has_resolution boolean;
  v_answers jsonb;
begin
  if jsonb_typeof(ingest_events.events) is distinct from 'array' then
    raise exception using
      errcode = 'PT400',
      message = 'events must be a JSON array',
      detail = 'events',
      hint = 'Send [{"error": {"message": "text of the error"}}], or one event to report_error.';
  end if;
  if jsonb_array_length(ingest_events.events) > 1000 or pg_column_size(ingest_events.events) > 16777216 then
    raise exception using
      errcode = 'PT413',
      message = 'events holds more than 1,000 events or 16 MiB',
      detail = 'events',
      hint = 'Split them into several calls.';
  end if;

  select prepared, refused, unknown, has_resolution
  into v_prepared, v_refused, v_unknown, v_has_resolution
  from monitoring.prepare_events(ingest_events.events);
  v_answers := (
    select coalesce(jsonb_agg(answers.answer order by answers.event_position), '[]')
    from (
      select stored.event_position, stored.answer
      from monitoring.store_prepared_events(v_prepared, v_has_resolution) as stored
      union all
      select refused.key::integer, refused.value
      from jsonb_each(v_refused) as refused
    ) as answers
  );
  if v_unknown <> '{}' and v_answers @> '[{"duplicate": true}]' then
    -- Last, because what is remembered must not be locked while incidents are. A new error may be the only one of its
    -- kind.
    perform monitoring.remember_events(array(
      select unknown
      from unnest(v_unknown) as unknown
      where v_answers -> ((unknown.prepared).event_position - 1) -> 'duplicate' = 'true'
    ));
  end if;
  return v_answers;
end
$$;

revoke all on function public.ingest_events(jsonb) from public, anon, authenticated, service_role;

grant execute on function public.ingest_events(jsonb) to service_role;

comment on function public.ingest_events(jsonb) is
'Stores up to 1,000 error reports in one call.

events is an array of {"error": {"message", "type"?, "stack"?, "code"?}, "severity"?, "category"?, "source"?,
"environment"?, "release"?, "url"?, "fingerprint"?, "context"?, "idempotency_key"?, "http_status"?, "level"?,
"timestamp"?, "status"?}, each alone or as {"sender", "event", "received_at"?, "position"?} with the sender that the service authenticated
(server:<name>, public:<name>, agent:<subject> or service) and the time at which it received the report, which counts
unless a timestamp of the 24 hours before says when the error occurred. An event of a Sentry SDK is
{"sender", "sentry_event", "received_at"?}; its event_id is its idempotency key. What public:<name> reports has the
name of the key as source, and severity and category of the rules. position is the place of the event in a request with
several: it keeps the order of those with equal times. An event with the status resolved needs no error if it has a
fingerprint. It resolves the incident that its sender opened, unless something newer was reported; its answer has nulls if
there is none.
Returns an array in the same order: {"success": true, "incident_id", "severity", "category", "status",
"occurrence_count", "duplicate"}, or {"success": false, "error": {"code", "message", "field", "hint"}} for an event
that is rejected; the other events are stored. An idempotency_key that the same sender used within
retention.receipts_hours returns its first answer and is not counted again; with another event it is rejected with PT422.
Security definer, because service_role may write incidents
through such functions only.';

create function public.report_error(report jsonb)
returns jsonb
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  v_answer jsonb;
begin
  if jsonb_typeof(report_error.report) is distinct from 'object' then
    perform monitoring.refuse_event(
      'report', 'must be a JSON object', 'Send {"error": {"message": "text of the error"}}.'
    );
  end if;
  v_answer := public.ingest_events(
    jsonb_build_array(jsonb_build_object('sender', monitoring.read_sender(), 'event', report_error.report))
  ) -> 0;
  if v_answer @> '{"success": true}' then
    return v_answer;
  end if;
  raise exception using
    errcode = v_answer #>> '{error,code}',
    message = v_answer #>> '{error,message}',
    detail = coalesce(v_answer #>> '{error,field}', ''),
    hint = coalesce(v_answer #>> '{error,hint}', '');
end
$$;

revoke all on function public.report_error(jsonb) from public, anon, authenticated, service_role;

grant execute on function public.report_error(jsonb) to authenticated, service_role;

comment on function public.report_error(jsonb) is
'Reports one error and returns its incident.

report is {"error": {"message", "type"?, "stack"?, "code"?}, "severity"?, "category"?, "source"?, "environment"?,
"release"?, "url"?, "fingerprint"?, "context"?, "level"?, "http_status"?, "timestamp"?, "status"?,
"idempotency_key"?}. timestamp is when the error occurred, in ISO 8601 or seconds or milliseconds since 1970, of the last 24 hours; others are ignored
and kept in the context. The status resolved says that the error is over: it resolves the incident of that fingerprint, or
of that error, if the caller opened it; error may be left out if there is a fingerprint. Returns {"success",
"incident_id", "severity", "category", "status", "occurrence_count", "duplicate"}. 400 with the name of the field in
details when a field is invalid, 413 when the report is larger than 1.5 MiB, 422 when its idempotency_key was sent with
another report, 429 when the caller has opened rate_limits.new_incidents_per_minute new incidents within a minute. The
sender is the caller: agent: and the subject of its JWT. Security definer, because agents may write incidents through such functions only.';
