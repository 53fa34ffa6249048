-- Purpose: turns events that SDKs of Sentry send into rows, as reports are.
-- Objects: functions monitoring.identify_sdk_event, monitoring.read_sdk_fingerprint, monitoring.describe_sdk_event,
--   monitoring.prepare_sdk_event.
-- Risks: events are untrusted: any member may be missing, null or of another type, and no event is refused for that.
--   A field that describe_sentry_event() reads for more than the context must be part of
--   identify_sdk_event(), or different errors are taken for one.

create function monitoring.identify_sdk_event(event jsonb)
returns text
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $$
declare
  v_exception jsonb := identify_sdk_event.event -> 'exception';
  v_exceptions text := v_exception::text;
begin
  if strpos(v_exceptions, '"vars"') > 0 then
    -- Without the variables, which differ with each occurrence: up to the fields of a frame.
    v_exceptions := 'without variables ' || jsonb_path_query_array(
      v_exception, '$.**{1 to 6} ? (@.type() != "object" && @.type() != "array")', '{}', true
    )::text;
  end if;
  return md5(
    concat(
      (
        identify_sdk_event.event - array[
          'event_id', 'timestamp', 'received', 'exception', 'breadcrumbs', 'contexts', 'request', 'extra', 'user', 'modules',
          'sdk', 'server_name', 'transaction', 'transaction_info', 'logger', 'dist', 'spans', 'measurements', 'debug_meta',
          'errors', '_meta', '_metrics'
        ]
      )::text,
      v_exceptions,
      identify_sdk_event.event #> '{contexts,response,status_code}',
      jsonb_typeof(identify_sdk_event.event #> '{contexts,browser}')
    )
  );
end
$$;

comment on function monitoring.identify_sdk_event(jsonb) is
'Returns a hash of what makes an event of an SDK the same as another one but for its context, URL, time and id: prepared
once, floods of them are cheap.';

create function monitoring.read_sdk_fingerprint(event jsonb)
returns text
language sql
immutable
parallel safe
security invoker
set search_path = ''
as $$
  select case
    when jsonb_typeof(read_sdk_fingerprint.event -> 'fingerprint') <> 'array'
      then monitoring.read_lenient_text(read_sdk_fingerprint.event, 'fingerprint')
    when count(*) = 1 then min(part)
    when count(*) > 1 then jsonb_agg(part order by position)::text
  end
  from (
    select btrim(left(item #>> '{}', 1000), e' \t\r\n'), position
    from jsonb_array_elements(
      case
        when jsonb_typeof(read_sdk_fingerprint.event -> 'fingerprint') = 'array'
          then read_sdk_fingerprint.event -> 'fingerprint'
        else '[]'
      end
    ) with ordinality as items (item, position)
    where position <= 50
  ) as parts (part, position)
  where part <> ''
$$;

comment on function monitoring.read_sdk_fingerprint(jsonb) is
'Returns the fingerprint that a program set, such as ["checkout", "{{ default }}"], as one text: its only part, or all
of them in JSON. Null without one. See find_fingerprint() for the default.';

create function monitoring.describe_sdk_event(event jsonb, sender text)
returns jsonb
language plpgsql
stable
security invoker
set search_path = ''
as $$
declare
  v_event jsonb := describe_sdk_event.event;
  v_report jsonb := monitoring.describe_sentry_event(v_event);
begin
  if v_report ->> 'source' = 'sentry' then -- of an unknown platform
    v_report := v_report - 'source';
  end if;
  if starts_with(describe_sdk_event.sender, 'public:') then
    v_report := v_report - 'category';
    if not v_report ? 'source' then
      v_report := v_report || jsonb_build_object('source', substr(describe_sdk_event.sender, length('public:') + 1));
    end if;
  end if;
  return v_report || jsonb_strip_nulls(jsonb_build_object(
    'fingerprint', case when v_event ? 'fingerprint' then monitoring.read_sdk_fingerprint(v_event) end,
    'timestamp', v_event -> 'timestamp'
  ));
end
$$;

comment on function monitoring.describe_sdk_event(jsonb, text) is
'Converts an event of an SDK to a report for prepare_event(), see describe_sentry_event(). Its source is browser or
server, by its platform, for the rules: the incident of a public key has the name of the key. Its time and its
fingerprint count, unlike in a webhook, where those of the issue do.';

create function monitoring.prepare_sdk_event(
  event jsonb, event_position integer, sender text, received_at timestamptz, twin monitoring.prepared_event
)
returns monitoring.prepared_event
language plpgsql
stable
security invoker
set search_path = ''
as $$
declare
  v_prepared monitoring.prepared_event := prepare_sdk_event.twin;
  v_id text := lower(replace(monitoring.read_lenient_text(prepare_sdk_event.event, 'event_id'), '-', ''));
begin
  if v_prepared.fingerprint is null then
    v_prepared := monitoring.prepare_event(
      monitoring.describe_sdk_event(prepare_sdk_event.event, prepare_sdk_event.sender), prepare_sdk_event.event_position,
      prepare_sdk_event.sender, prepare_sdk_event.received_at
    );
  else
    v_prepared.event_position := prepare_sdk_event.event_position;
    v_prepared.happened_at := coalesce(
      monitoring.read_event_time(prepare_sdk_event.event, prepare_sdk_event.received_at), prepare_sdk_event.received_at
    );
  end if;
  v_prepared.idempotency_key := monitoring.hash_idempotency_key('sdk', prepare_sdk_event.sender, left(v_id, 255));
  return v_prepared;
end
$$;

comment on function monitoring.prepare_sdk_event(jsonb, integer, text, timestamptz, monitoring.prepared_event) is
'Prepares an event of an SDK. twin is an event like it that is prepared, see identify_sdk_event(), whose context and
URL it gets, too: complete_contexts() gives the newest one its own. The event_id is the idempotency key, whatever the rest is: an
SDK sends an event again unchanged, and no other program can guess it.';
