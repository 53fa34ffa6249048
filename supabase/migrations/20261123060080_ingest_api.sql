-- Purpose: provides the RPCs that take error reports: batches for the service, single reports for agents and the SQL
--   editor.
-- Objects: functions monitoring.open_envelope, public.ingest_events, public.report_error.
-- Risks: both RPCs are security definer, because API roles have no other right to write incidents. The size limits are
--   checked before anything is read or locked.

create function monitoring.open_envelope(item jsonb, out sender text, out event jsonb, out received_at timestamptz)
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
  if jsonb_typeof(open_envelope.item -> 'event') is distinct from 'object' or open_envelope.item ? 'error' then
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
    coalesce(split_part(open_envelope.sender, ':', 1), '') not in ('server', 'agent')
    or length(v_name) not between 1 and 100
    or v_name <> monitoring.join_lines(v_name)
  ) then
    perform monitoring.refuse_event(
      'sender', 'is unknown', 'Send service, server:<name of an ingest token> or agent:<subject of a JWT>.'
    );
  end if;
end
$$;

comment on function monitoring.open_envelope(jsonb) is
'Returns the sender and the event of an element of ingest_events(): {"sender", "event", "received_at"?}, or an event
alone, whose sender is server:default. The service wraps every report, so that no report names its own sender, nor the
time at which the service received it: at most 29 days ago, and not later than now, which it is when it is missing or
invalid. Raises PT413 for an element
larger than 1.5 MiB as jsonb: a body of 1 MiB is always smaller.';

create function public.ingest_events(events jsonb)
returns jsonb
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  v_prepared monitoring.prepared_event[] := '{}'::monitoring.prepared_event[];
  v_essences text[] := '{}'::text[]; -- of the events in v_prepared, in the same order
  v_essence text;
  v_twin integer;
  v_refused jsonb := '{}'::jsonb;
  v_item record;
  v_event record;
  v_message text;
  v_field text;
  v_hint text;
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

  for v_item in
    select items.item, items.position::integer as position
    from jsonb_array_elements(ingest_events.events) with ordinality as items (item, position)
  loop
    begin
      v_event := monitoring.open_envelope(v_item.item);
      v_essence := v_event.sender || md5((v_event.event - array['context', 'timestamp', 'idempotency_key'])::text);
      v_twin := array_position(v_essences, v_essence);
      v_prepared := v_prepared || case
        when v_twin is null
          then monitoring.prepare_event(v_event.event, v_item.position, v_event.sender, v_event.received_at)
        else monitoring.prepare_repeat(v_prepared[v_twin], v_event.event, v_item.position, v_event.received_at)
      end;
      v_essences := v_essences || v_essence;
    exception when others then
      if sqlstate not in ('PT400', 'PT413') and not monitoring.is_content_error(sqlstate) then
        raise;
      end if;
      get stacked diagnostics v_message = message_text, v_field = pg_exception_detail, v_hint = pg_exception_hint;
      v_refused := v_refused || jsonb_build_object(
        v_item.position,
        case
          when sqlstate in ('PT400', 'PT413')
            then monitoring.describe_refusal(sqlstate, v_message, nullif(v_field, ''), v_hint)
          else monitoring.describe_refusal('PT422', 'the event cannot be read', null, v_message)
        end
      );
    end;
  end loop;

  return (
    select coalesce(jsonb_agg(answers.answer order by answers.event_position), '[]')
    from (
      select stored.event_position, stored.answer
      from monitoring.store_events_isolated(v_prepared) as stored
      where v_prepared <> '{}'
      union all
      select refused.key::integer, refused.value
      from jsonb_each(v_refused) as refused
    ) as answers
  );
end
$$;

revoke all on function public.ingest_events(jsonb) from public, anon, authenticated, service_role;

grant execute on function public.ingest_events(jsonb) to service_role;

comment on function public.ingest_events(jsonb) is
'Stores up to 1,000 error reports in one call.

events is an array of {"error": {"message", "type"?, "stack"?, "code"?}, "severity"?, "category"?, "source"?,
"environment"?, "release"?, "url"?, "fingerprint"?, "context"?, "idempotency_key"?, "http_status"?, "level"?,
"timestamp"?}, each alone or as {"sender", "event", "received_at"?} with the sender that the service authenticated
(server:<name>, agent:<subject> or service) and the time at which it received the report, which counts unless a timestamp
of the 24 hours before says when the error occurred.
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
"release"?, "url"?, "fingerprint"?, "context"?, "level"?, "http_status"?, "timestamp"?, "idempotency_key"?}. timestamp
is when the error occurred, in ISO 8601 or seconds or milliseconds since 1970, of the last 24 hours; others are ignored
and kept in the context. Returns {"success", "incident_id", "severity", "category", "status", "occurrence_count", "duplicate"}. 400 with the name of the field in
details when a field is invalid, 413 when the report is larger than 1.5 MiB, 422 when its idempotency_key was sent with
another report, 429 when the caller has opened rate_limits.new_incidents_per_minute new incidents within a minute. The
sender is the caller: agent: and the subject of its JWT. Security definer, because agents may write incidents through such functions only.';
