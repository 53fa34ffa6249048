-- Purpose: turns a reported event into a row: validates, sanitizes, classifies and fingerprints it.
-- Objects: type monitoring.prepared_event; functions monitoring.refuse_event, monitoring.read_event_text,
--   monitoring.read_event_lines, monitoring.read_event_line, monitoring.read_event_choice,
--   monitoring.hash_idempotency_key, monitoring.read_idempotency_key, monitoring.hash_event,
--   monitoring.read_fingerprint, monitoring.compute_fingerprint, monitoring.find_fingerprint,
--   monitoring.limit_public_report, monitoring.read_http_status, monitoring.check_event_context,
--   monitoring.collect_event_context, monitoring.complete_event_context, monitoring.judge_event,
--   monitoring.build_error_title, monitoring.prepare_event, monitoring.complete_repeat.
-- Risks: all reported text passes these functions: what they do not sanitize is stored as received.

create type monitoring.prepared_event as (
  event_position integer,
  idempotency_key text,
  fingerprint text,
  title text,
  message text,
  error_type text,
  error_code text,
  stack text,
  severity public.incident_severity,
  category public.incident_category,
  rule text,
  source text,
  environment text,
  release text,
  url text,
  context jsonb,
  sender text,
  quota text,
  body_hash text,
  happened_at timestamptz,
  is_summary boolean,
  is_resolution boolean
);

comment on type monitoring.prepared_event is
'An event that is ready to be stored. event_position is its position in the caller''s array, from 1. sender is as in
incidents.sender. quota is the sender whose quota a new incident uses up; null is without limit. happened_at is when the
error occurred, see read_event_time(). is_summary says that it is about an issue as a whole: it replaces no sample.
is_resolution says that the error is over: it closes the incident instead of being counted.';

create function monitoring.refuse_event(field text, problem text, remedy text)
returns void
language plpgsql
stable
security invoker
set search_path = ''
as $$
begin
  raise exception using
    errcode = 'PT400',
    message = format('%s %s', refuse_event.field, refuse_event.problem),
    detail = refuse_event.field,
    hint = refuse_event.remedy;
end
$$;

comment on function monitoring.refuse_event(text, text, text) is
'Raises PT400 for an invalid event. detail is the name of the field, hint what to do.';

create function monitoring.read_event_text(
  holder jsonb, field text, path text, max_bytes integer, is_plain boolean default false
)
returns text
language plpgsql
stable
security invoker
set search_path = ''
as $$
declare
  v_value jsonb := read_event_text.holder -> read_event_text.field;
  v_kind text := jsonb_typeof(v_value);
  v_text text;
begin
  if v_kind is null or v_kind = 'null' then
    return null;
  end if;
  if v_kind not in ('string', 'number') then
    perform monitoring.refuse_event(
      read_event_text.path || read_event_text.field, 'must be a string', 'Send a JSON string, or leave the field out.'
    );
  end if;
  v_text := v_value #>> '{}';
  if not read_event_text.is_plain or octet_length(v_text) > read_event_text.max_bytes then
    -- A short field is truncated without a note and without removing its last word, which could make different sources
    -- equal.
    v_text := monitoring.truncate_bytes(
      monitoring.sanitize_text(v_text, greatest(read_event_text.max_bytes, 4096)), read_event_text.max_bytes
    );
  end if;
  return nullif(btrim(v_text, e' \t\r\n'), '');
end
$$;

comment on function monitoring.read_event_text(jsonb, text, text, integer, boolean) is
'Returns a text field of an event, sanitized and truncated to max_bytes. Null when it is missing or blank. Rejects
other types. is_plain says that sanitize_text() is known to change nothing in it, see judge_event().';

create function monitoring.read_event_lines(
  holder jsonb, field text, path text, max_bytes integer, is_plain boolean default false
)
returns text
language plpgsql
stable
security invoker
set search_path = ''
as $$
declare
  v_value text := read_event_lines.holder ->> read_event_lines.field;
begin
  if jsonb_typeof(read_event_lines.holder -> read_event_lines.field) is distinct from 'string' then
    return monitoring.read_event_text(
      read_event_lines.holder, read_event_lines.field, read_event_lines.path, read_event_lines.max_bytes
    );
  end if;
  if not read_event_lines.is_plain or octet_length(v_value) > read_event_lines.max_bytes then
    v_value := monitoring.sanitize_middle(v_value, read_event_lines.max_bytes);
  end if;
  return nullif(btrim(v_value, e' \t\r\n'), '');
end
$$;

comment on function monitoring.read_event_lines(jsonb, text, text, integer, boolean) is
'Returns a field of an event that can have many lines, as read_event_text() does, but truncated in its middle: the error
of a traceback is at its end.';

create function monitoring.read_event_line(
  holder jsonb, field text, path text, max_bytes integer, is_plain boolean default false
)
returns text
language plpgsql
stable
security invoker
set search_path = ''
as $$
declare
  c_plain constant text := '0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_.-';
  v_value text := read_event_line.holder ->> read_event_line.field;
begin
  -- Most names, at a fifth of the cost: sanitize_text() returns them unchanged for the same reason.
  if v_value is null or (
    octet_length(v_value) <= least(12, read_event_line.max_bytes)
    and translate(v_value, c_plain, '') = ''
    and jsonb_typeof(read_event_line.holder -> read_event_line.field) = 'string'
  ) then
    return nullif(v_value, '');
  end if;
  return nullif(
    monitoring.join_lines(
      monitoring.read_event_text(
        read_event_line.holder, read_event_line.field, read_event_line.path, read_event_line.max_bytes,
        read_event_line.is_plain
      )
    ),
    ''
  );
end
$$;

comment on function monitoring.read_event_line(jsonb, text, text, integer, boolean) is
'Returns a field of an event that is a name, as read_event_text() does, and on one line.';

create function monitoring.read_event_choice(event jsonb, field text, choices text[])
returns text
language plpgsql
stable
security invoker
set search_path = ''
as $$
declare
  v_value jsonb := read_event_choice.event -> read_event_choice.field;
  v_kind text := jsonb_typeof(v_value);
  v_choice text;
begin
  if v_kind is null or v_kind = 'null' then
    return null;
  end if;
  select choice
  into v_choice
  from unnest(read_event_choice.choices) as choices (choice)
  where v_kind = 'string' and lower(choice) = lower(v_value #>> '{}');
  if v_choice is null then
    perform monitoring.refuse_event(
      read_event_choice.field,
      'must be one of ' || array_to_string(read_event_choice.choices, ', '),
      'Correct the field, or leave it out to let the rules decide.'
    );
  end if;
  return v_choice;
end
$$;

comment on function monitoring.read_event_choice(jsonb, text, text[]) is
'Returns a field of an event that must be one of some words, case-insensitively. Null when it is missing.';

create function monitoring.hash_idempotency_key(route text, sender text, key text)
returns text
language plpgsql
immutable
strict
parallel safe
security invoker
set search_path = ''
as $$
begin
  -- The length of the sender separates it from the key, so that different triples give different texts.
  return encode(
    sha256(
      convert_to(
        concat_ws(
          ' ', hash_idempotency_key.route, octet_length(hash_idempotency_key.sender), hash_idempotency_key.sender,
          hash_idempotency_key.key
        ), 'UTF8'
      )
    ), 'hex'
  );
end
$$;

comment on function monitoring.hash_idempotency_key(text, text, text) is
'Returns the key under which a receipt is stored: the sha256 of the route (one word), the sender and its key. A key
that another sender used, or the same sender on another route, is another key. Null without a key.';

create function monitoring.read_idempotency_key(event jsonb, sender text)
returns text
language plpgsql
stable
security invoker
set search_path = ''
as $$
declare
  v_key text := read_idempotency_key.event ->> 'idempotency_key';
begin
  if v_key is not null and (
    jsonb_typeof(read_idempotency_key.event -> 'idempotency_key') <> 'string' or length(v_key) not between 1 and 255
  ) then
    perform monitoring.refuse_event(
      'idempotency_key', 'must be a string of 1 to 255 characters', 'Send a UUID or a hash, the same for each retry.'
    );
  end if;
  return monitoring.hash_idempotency_key('report', read_idempotency_key.sender, v_key);
end
$$;

comment on function monitoring.read_idempotency_key(jsonb, text) is
'Returns the hash of the idempotency key of an event and its sender, because a key may contain anything. Null when it is
missing.';

create function monitoring.hash_event(event jsonb)
returns text
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $$
begin
  if not hash_event.event ? 'idempotency_key' then
    return null;
  end if;
  return encode(sha256(convert_to((hash_event.event - 'idempotency_key')::text, 'UTF8')), 'hex');
end
$$;

comment on function monitoring.hash_event(jsonb) is
'Returns the sha256, in hex, of an event without its idempotency key: the same when the key is used for a retry. The
order of members and white space do not matter. Null without a key.';

create function monitoring.read_fingerprint(event jsonb, sender text)
returns text
language plpgsql
stable
security invoker
set search_path = ''
as $$
declare
  v_given text := btrim(read_fingerprint.event ->> 'fingerprint', e' \t\r\n');
  v_readable text := monitoring.read_event_line(read_fingerprint.event, 'fingerprint', '', 255);
begin
  if v_readable is null then
    return null;
  elsif strpos(read_fingerprint.sender, ':') > 0 then
    return encode(
      sha256(
        convert_to(
          concat(octet_length(read_fingerprint.sender), ':', read_fingerprint.sender, v_given), 'UTF8'
        )
      ), 'hex'
    );
  elsif v_readable <> v_given then
    -- Truncated or redacted, two fingerprints could become equal. Their hash reveals nothing and keeps them different.
    v_readable := encode(sha256(convert_to(v_given, 'UTF8')), 'hex');
  end if;
  return case
    when starts_with(v_readable, read_fingerprint.sender || ':') then v_readable
    else left(concat(read_fingerprint.sender, ':', v_readable), 255)
  end;
end
$$;

comment on function monitoring.read_fingerprint(jsonb, text) is
'Returns the identity of an event that names its own fingerprint. A reporter''s fingerprint is hashed with its sender,
so that no reporter reaches the incidents of another one. A fingerprint of our own kinds is in the namespace of its
sender: service:spool. Null when it is missing.';

create function monitoring.compute_fingerprint(prepared monitoring.prepared_event)
returns text
language plpgsql
stable
security invoker
set search_path = ''
as $$
declare
  v_prepared monitoring.prepared_event := compute_fingerprint.prepared;
  v_fingerprint text := monitoring.fingerprint_error(
    v_prepared.message, v_prepared.error_type, v_prepared.source, v_prepared.environment, v_prepared.error_code,
    v_prepared.stack
  );
begin
  if strpos(v_prepared.sender, ':') = 0 then
    return v_prepared.sender || ':' || v_fingerprint;
  elsif starts_with(v_prepared.sender, 'public:') then
    return left(
      encode(
        sha256(convert_to(concat(octet_length(v_prepared.sender), ':', v_prepared.sender, v_fingerprint), 'UTF8')), 'hex'
      ), 32
    );
  end if;
  return v_fingerprint;
end
$$;

comment on function monitoring.compute_fingerprint(monitoring.prepared_event) is
'Returns the identity of an event that names no fingerprint, see fingerprint_error(). Servers and agents share the
incident of an error, whoever reports it. Our own kinds share none with them. A public key has incidents of its own,
because anybody can copy it: it must not fold into, reopen or resolve an incident of a server.';

create function monitoring.find_fingerprint(event jsonb, prepared monitoring.prepared_event)
returns text
language plpgsql
stable
security invoker
set search_path = ''
as $$
declare
  c_default constant text := '{{ default }}';
  v_event jsonb := find_fingerprint.event;
  v_given text := replace(v_event ->> 'fingerprint', '{{default}}', c_default);
begin
  if strpos(v_given, c_default) > 0 then
    if btrim(v_given, e' \t\r\n') = c_default then
      return monitoring.compute_fingerprint(find_fingerprint.prepared);
    end if;
    v_event := v_event || jsonb_build_object(
      'fingerprint', replace(v_given, c_default, monitoring.compute_fingerprint(find_fingerprint.prepared))
    );
  end if;
  return coalesce(
    monitoring.read_fingerprint(v_event, (find_fingerprint.prepared).sender),
    monitoring.compute_fingerprint(find_fingerprint.prepared)
  );
end
$$;

comment on function monitoring.find_fingerprint(jsonb, monitoring.prepared_event) is
'Returns the identity of an event, whose other fields are prepared: the fingerprint that it names, in which
{{ default }} stands for the computed one, as in Sentry, else the computed one.';

create function monitoring.limit_public_report(report jsonb, sender text)
returns jsonb
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $$
declare
  v_context jsonb := coalesce(nullif(limit_public_report.report -> 'context', 'null'), '{}');
  v_extra jsonb := coalesce(nullif(v_context -> 'extra', 'null'), '{}');
  v_said jsonb := jsonb_strip_nulls(jsonb_build_object(
    'source', limit_public_report.report -> 'source',
    'severity', limit_public_report.report -> 'severity',
    'category', limit_public_report.report -> 'category'
  ));
  v_report jsonb := (limit_public_report.report - array['severity', 'category']) || jsonb_build_object(
    'source', substr(limit_public_report.sender, length('public:') + 1)
  );
begin
  if v_said = '{}' or jsonb_typeof(v_context) <> 'object' then
    return v_report;
  end if;
  return v_report || jsonb_build_object(
    'context', v_context || jsonb_build_object(
      'extra',
      case when jsonb_typeof(v_extra) = 'object' then v_extra else jsonb_build_object('extra', v_extra) end || v_said
    )
  );
end
$$;

comment on function monitoring.limit_public_report(jsonb, text) is
'Returns the report of a public key as it counts: its source is the name of the key, and severity and category are
those of the rules. What the report says of them is kept in context.extra. Anybody can copy a public key.';

create function monitoring.read_http_status(event jsonb)
returns integer
language plpgsql
stable
security invoker
set search_path = ''
as $$
declare
  v_status text := nullif(btrim(read_http_status.event ->> 'http_status'), '');
begin
  -- Browsers report a request without an answer as 0, curl as 000.
  if v_status in ('0', '000') then
    return 0;
  end if;
  if length(v_status) <> 3 or v_status not between '100' and '599' or translate(v_status, '0123456789', '') <> '' then
    perform monitoring.refuse_event(
      'http_status', 'must be a status code, 100 to 599, or 0', 'Correct the field, or leave it out. 0 is for no answer.'
    );
  end if;
  return v_status::integer;
end
$$;

comment on function monitoring.read_http_status(jsonb) is
'Returns the HTTP status code of an event, 100 to 599, 0 for a request that got no answer, or null.';

create function monitoring.check_event_context(event jsonb)
returns void
language plpgsql
stable
security invoker
set search_path = ''
as $$
begin
  if jsonb_typeof(check_event_context.event -> 'context') not in ('object', 'null') then
    perform monitoring.refuse_event('context', 'must be a JSON object', 'Send an object such as {"user_id": "42"}.');
  end if;
end
$$;

comment on function monitoring.check_event_context(jsonb) is 'Raises PT400 if the context of an event is no object.';

create function monitoring.collect_event_context(event jsonb, has_time boolean)
returns jsonb
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $$
declare
  v_context jsonb := nullif(collect_event_context.event -> 'context', 'null');
  v_extra jsonb := collect_event_context.event - array[
    'error', 'severity', 'category', 'source', 'environment', 'release', 'url', 'fingerprint', 'context',
    'idempotency_key'
  ];
  v_error jsonb := (collect_event_context.event -> 'error') - array['message', 'type', 'stack', 'code'];
begin
  if collect_event_context.has_time then
    v_extra := v_extra - 'timestamp';
  end if;
  if v_error <> '{}' then
    v_extra := v_extra || jsonb_build_object('error', v_error);
  end if;
  if v_extra <> '{}' then
    -- Fields without a column are kept under extra, because they may help to find the cause: explain_classification()
    -- reads level and http_status there. An extra of the reporter that is no object becomes a member of it.
    v_context := coalesce(v_context, '{}') || jsonb_build_object(
      'extra',
      case
        when jsonb_typeof(v_context -> 'extra') = 'object' then v_context -> 'extra'
        when coalesce(v_context -> 'extra', 'null') = 'null' then '{}'
        else jsonb_build_object('extra', v_context -> 'extra')
      end || v_extra
    );
  end if;
  return v_context;
end
$$;

comment on function monitoring.collect_event_context(jsonb, boolean) is
'Returns the context of an event as it was sent, with what has no column under extra: unknown fields, and members of
error such as cause and errno under extra.error. Null when there is nothing. has_time says that the timestamp of the
event was believed, and is not repeated.';

create function monitoring.complete_event_context(
  collected jsonb, event jsonb, is_plain boolean, has_plain_name boolean
)
returns jsonb
language plpgsql
stable
security invoker
set search_path = ''
as $$
declare
  v_context jsonb := complete_event_context.collected;
  v_fingerprint text := monitoring.read_event_line(
    complete_event_context.event, 'fingerprint', '', 255, complete_event_context.has_plain_name
  );
  v_most integer := case when v_fingerprint is null then 65536 else 64512 end;
begin
  perform monitoring.check_event_context(complete_event_context.event);
  if not complete_event_context.is_plain or octet_length(v_context::text) > v_most then
    v_context := monitoring.sanitize_jsonb(v_context, v_most);
  end if;
  if v_fingerprint is not null then
    v_context := coalesce(v_context, '{}') || jsonb_build_object('fingerprint', v_fingerprint);
  end if;
  return coalesce(v_context, '{}');
end
$$;

comment on function monitoring.complete_event_context(jsonb, jsonb, boolean, boolean) is
'Returns what collect_event_context() returned of an event, sanitized, truncated to 64 kB, and with the fingerprint
that the event names. is_plain and has_plain_name say that sanitizing is known to change nothing in the document and in
the fingerprint.';

create function monitoring.judge_event(
  event jsonb, context jsonb, out is_plain boolean, out has_plain_message boolean, out has_plain_context boolean
)
language plpgsql
stable
security invoker
set search_path = ''
as $$
declare
  c_most_bytes constant integer := 4096; -- longer texts are judged one by one, for sanitize_text() limits their cost
  c_deepest constant integer := 32;
  v_error constant jsonb := judge_event.event -> 'error';
  -- A message is where addresses are: it must not keep the rest from being plain.
  v_has_address constant boolean := strpos(v_error ->> 'message', '@') > 0;
  v_fields constant text := concat_ws(
    e'\n', case when v_has_address is not true then v_error ->> 'message' end, v_error ->> 'type', v_error ->> 'code',
    v_error ->> 'stack', judge_event.event ->> 'source', judge_event.event ->> 'environment', judge_event.event ->> 'release', judge_event.event ->> 'url',
    judge_event.event ->> 'level', judge_event.event ->> 'fingerprint'
  );
  v_document text := judge_event.context::text;
  v_text text collate "C";
  v_decoded text;
begin
  is_plain := false;
  has_plain_message := false;
  has_plain_context := false;
  if octet_length(v_fields) > c_most_bytes or strpos(v_fields, 'Private-Lines') > 0 then
    return;
  end if;
  if strpos(v_document, '\') > 0 then
    -- A word with an escape in it is found in one of the two spellings.
    v_document := case
      when strpos(v_document, '\\') = 0 and not monitoring.may_contain_sensitive_keys(v_document)
        then replace(replace(replace(v_document, '\"', '"'), '\n', e'\n'), '\t', e'\t')
    end;
  end if;
  v_text := v_fields || coalesce(e'\n' || v_document, '');
  if octet_length(v_text) > c_most_bytes
    or strpos(v_document, '\') > 0
    or length(v_document) - length(translate(v_document, '{[', '')) > c_deepest
    or monitoring.may_contain_sensitive_keys(v_text)
  then
    v_document := null;
    v_text := v_fields;
    if monitoring.may_contain_secrets(v_text) then
      return;
    end if;
  end if;
  v_decoded := monitoring.decode_escapes(v_text);
  is_plain := (v_decoded = v_text or not monitoring.may_contain_secrets(v_decoded))
    and monitoring.redact_secrets(v_text, false) = v_text;
  has_plain_message := is_plain and v_has_address is not true;
  has_plain_context := is_plain and v_document is not null;
end
$$;

comment on function monitoring.judge_event(jsonb, jsonb) is
'Returns whether sanitizing is known to change nothing: in the texts of an event, in its message, and in the context
that collect_event_context() returned. All of them are judged as one text, because each regular expression costs more
for its start than for a few hundred characters. A line break separates them, which no token, number, address or URL
contains; a text with a word that could name a secret is not judged, because what follows the word decides. False says
nothing.';

create function monitoring.build_error_title(message text, error_type text)
returns text
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $$
declare
  v_title text := split_part(build_error_title.message, e'\n', 1);
begin
  if not starts_with(build_error_title.message, coalesce(build_error_title.error_type, '')) then
    v_title := build_error_title.error_type || ': ' || v_title;
  end if;
  return coalesce(nullif(monitoring.join_lines(left(v_title, 200)), ''), 'Error without a readable message');
end
$$;

comment on function monitoring.build_error_title(text, text) is
'Returns a title of at most 200 characters: the type, unless the message begins with it, and the first line of the
message.';

create function monitoring.prepare_event(
  event jsonb, event_position integer, sender text, received_at timestamptz default clock_timestamp()
)
returns monitoring.prepared_event
language plpgsql
stable
security invoker
set search_path = ''
as $$
declare
  v_event jsonb := monitoring.resolve_exception_chain(prepare_event.event);
  v_error jsonb := v_event -> 'error';
  v_prepared monitoring.prepared_event;
  v_context jsonb;
  v_judged record;
  v_verdict record;
begin
  if jsonb_typeof(v_error) is distinct from 'object' then
    perform monitoring.refuse_event(
      'error', 'must be a JSON object', 'Send {"error": {"message": "text of the error"}}.'
    );
  end if;
  if jsonb_typeof(v_error -> 'message') not in ('string', 'null') then
    perform monitoring.refuse_event(
      'error.message', 'must be a string', 'Send the message of the error as a JSON string.'
    );
  end if;

  v_prepared.event_position := prepare_event.event_position;
  v_prepared.sender := prepare_event.sender;
  if prepare_event.sender not in ('health-check', 'service') then
    v_prepared.quota := prepare_event.sender;
  end if;
  v_prepared.idempotency_key := monitoring.read_idempotency_key(prepare_event.event, prepare_event.sender);
  v_prepared.body_hash := monitoring.hash_event(prepare_event.event);
  v_prepared.happened_at := monitoring.read_event_time(prepare_event.event, prepare_event.received_at);
  -- Of the error as reported, so that its cause stays although it becomes the error.
  v_context := monitoring.collect_event_context(
    v_event || jsonb_build_object('error', prepare_event.event -> 'error'), v_prepared.happened_at is not null
  );
  v_judged := monitoring.judge_event(v_event, v_context);
  v_prepared.error_type := monitoring.read_event_line(v_error, 'type', 'error.', 200, v_judged.is_plain);
  v_prepared.error_code := monitoring.read_event_line(v_error, 'code', 'error.', 100, v_judged.is_plain);
  v_prepared.stack := monitoring.read_event_lines(v_error, 'stack', 'error.', 32768, v_judged.is_plain);
  v_prepared.message := coalesce(
    monitoring.read_event_lines(v_error, 'message', 'error.', 4096, v_judged.has_plain_message),
    v_prepared.error_type
  );
  if v_prepared.message is null then
    perform monitoring.refuse_event(
      'error.message', 'is missing', 'Send the message of the error as a text that is not blank.'
    );
  end if;
  v_prepared.title := monitoring.build_error_title(v_prepared.message, v_prepared.error_type);
  v_prepared.source := monitoring.read_event_line(prepare_event.event, 'source', '', 200, v_judged.is_plain);
  v_prepared.environment := monitoring.read_event_line(prepare_event.event, 'environment', '', 200, v_judged.is_plain);
  v_prepared.release := monitoring.read_event_line(prepare_event.event, 'release', '', 200, v_judged.is_plain);
  v_prepared.url := monitoring.read_event_line(prepare_event.event, 'url', '', 2048, v_judged.is_plain);
  v_prepared.context := monitoring.complete_event_context(
    v_context, prepare_event.event, v_judged.has_plain_context, v_judged.is_plain
  );
  v_prepared.happened_at := coalesce(v_prepared.happened_at, prepare_event.received_at);

  v_prepared.severity := monitoring.read_event_choice(
    prepare_event.event, 'severity', array['LOW', 'MEDIUM', 'HIGH', 'CRITICAL']
  )::public.incident_severity;
  v_prepared.category := monitoring.read_event_choice(
    prepare_event.event, 'category', array['backend', 'frontend', 'database', 'security', 'infrastructure']
  )::public.incident_category;
  v_verdict := public.classify_error(
    v_prepared.message,
    v_prepared.error_type,
    v_prepared.source,
    v_prepared.url,
    monitoring.read_http_status(prepare_event.event),
    monitoring.read_event_line(prepare_event.event, 'level', '', 20, v_judged.is_plain),
    v_prepared.error_code
  );
  v_prepared.rule := case when v_prepared.severity is null then v_verdict.rule else 'caller' end;
  v_prepared.severity := coalesce(v_prepared.severity, v_verdict.severity);
  v_prepared.category := coalesce(v_prepared.category, v_verdict.category);

  v_prepared.fingerprint := monitoring.find_fingerprint(prepare_event.event, v_prepared);
  v_prepared.source := case
    when starts_with(prepare_event.sender, 'public:') then substr(prepare_event.sender, length('public:') + 1)
    else coalesce(v_prepared.source, 'unknown')
  end;
  return v_prepared;
end
$$;

comment on function monitoring.prepare_event(jsonb, integer, text, timestamptz) is
'Validates, sanitizes, classifies and fingerprints one event of a sender, which was received at a time. Raises PT400
with the name of the field when it is invalid. Health checks and the service itself have no quota: a flood of reports
must not hide an outage.';

create function monitoring.complete_repeat(
  prepared monitoring.prepared_event, event jsonb, received_at timestamptz
)
returns monitoring.prepared_event
language plpgsql
stable
security invoker
set search_path = ''
as $$
declare
  v_prepared monitoring.prepared_event := complete_repeat.prepared;
  v_event constant jsonb := complete_repeat.event;
  v_context constant jsonb := monitoring.collect_event_context(
    monitoring.resolve_exception_chain(v_event) || jsonb_build_object('error', v_event -> 'error'),
    monitoring.read_event_time(v_event, complete_repeat.received_at) is not null
  );
  v_judged constant record := monitoring.judge_event(
    jsonb_build_object('url', v_event -> 'url', 'fingerprint', v_event -> 'fingerprint'), v_context
  );
begin
  v_prepared.url := monitoring.read_event_line(v_event, 'url', '', 2048, v_judged.is_plain);
  v_prepared.context := monitoring.complete_event_context(
    v_context, v_event, v_judged.has_plain_context, v_judged.is_plain
  );
  return v_prepared;
end
$$;

comment on function monitoring.complete_repeat(monitoring.prepared_event, jsonb, timestamptz) is
'Gives a prepared event the context and the URL of another event, sanitized, which differs from it only in these, in
timestamp and idempotency key: floods of errors consist of such events.';
