-- Purpose: records the response to a health check on its row, and says which condition of the target it does not meet.
-- Objects: types monitoring.read_response, monitoring.worker_run; functions monitoring.read_excerpt,
--   monitoring.read_header, monitoring.read_answer_headers, monitoring.set_content_type, monitoring.find_left_operand,
--   monitoring.describe_operand, monitoring.find_unmet_header, monitoring.find_unmet_json_path,
--   monitoring.find_unmet_body_condition, monitoring.find_unmet_condition, monitoring.read_content,
--   monitoring.hide_request_secrets, monitoring.read_answer, monitoring.write_answer, monitoring.store_answer,
--   monitoring.continue_run, monitoring.record_other_answer, monitoring.record_answer,
--   monitoring.install_answer_trigger, monitoring.collect_missed_answers; trigger monitoring_records_answers.
-- Risks: the trigger runs inside pg_net's worker, in the transaction of a whole batch. If it raised, the worker
--   would crash on the same request again and again, and pg_net would stop for all its users. So it catches what
--   reading a response raises, locks only the row of its check, skips that row when another session holds it, and
--   ignores requests of others. Answers of a batch are written without a subtransaction each once the first could be
--   written: PostgreSQL remembers 64 a session, and everybody is slower while one has more. pg_net stores bytes as it
--   receives them: text functions read beyond the end of invalid UTF-8, or raise, so whatever came from a target is
--   read as bytes.

create function monitoring.read_excerpt(content bytea)
returns text
language plpgsql
stable
strict
security invoker
set search_path = ''
as $$
declare
  v_bytes bytea := substring(read_excerpt.content from 1 for 1000);
  v_cut integer := 0;
begin
  -- Truncation inside a character leaves up to three of its bytes.
  while v_cut < 4 loop
    begin
      return monitoring.sanitize_text(convert_from(substring(v_bytes from 1 for length(v_bytes) - v_cut), 'UTF8'), 1000);
    exception
      when character_not_in_repertoire or untranslatable_character then
        v_cut := v_cut + 1;
    end;
    exit when length(read_excerpt.content) <= 1000 or v_cut >= length(v_bytes);
  end loop;
  -- Not UTF-8: ASCII characters stay readable.
  return monitoring.sanitize_text(left(encode(v_bytes, 'escape'), 1000), 1000);
end
$$;

comment on function monitoring.read_excerpt(bytea) is
'Returns the beginning of a body as sanitized text, at most 1,000 bytes. Bytes that are not UTF-8 become octal
escapes.';

create function monitoring.read_header(headers jsonb, name text)
returns bytea
language sql
stable
strict
parallel safe
security invoker
set search_path = ''
as $$
  -- Collation C changes and compares single bytes, whatever they are.
  select string_agg(pg_catalog.textsend(header.value), ', '::bytea order by header.key collate "C")
  from jsonb_each_text(
    case when jsonb_typeof(read_header.headers) = 'object' then read_header.headers else '{}'::jsonb end
  ) as header (key, value)
  where lower(header.key collate "C") = lower(read_header.name)
$$;

comment on function monitoring.read_header(jsonb, text) is
'Returns the bytes of a header of a response, whatever the case of its name, or null when the response has none. pg_net
keeps one value of each spelling of a name; several spellings are joined by commas.';

create function monitoring.read_answer_headers(headers jsonb, names text[])
returns jsonb
language sql
stable
strict
security invoker
set search_path = ''
as $$
  select jsonb_object_agg(wanted.name, left(monitoring.read_excerpt(header.bytes), 200))
  from unnest(read_answer_headers.names) as wanted (name)
  cross join lateral monitoring.read_header(read_answer_headers.headers, wanted.name) as header (bytes)
  where header.bytes is not null
$$;

comment on function monitoring.read_answer_headers(jsonb, text[]) is
'Returns the headers of a response with these names, given in lower case, sanitized, at most 200 characters each. Bytes
that are not UTF-8 become octal escapes. Null when it has none of them.';

create function monitoring.set_content_type(headers jsonb, content_type text)
returns jsonb
language sql
immutable
parallel safe
security invoker
set search_path = ''
as $$
  select case
    when set_content_type.content_type is null or jsonb_typeof(set_content_type.headers) is distinct from 'object'
      then set_content_type.headers
    else (
      set_content_type.headers - array(
        select header.key
        from jsonb_object_keys(set_content_type.headers) as header (key)
        where lower(header.key collate "C") = 'content-type'
      )
    ) || jsonb_build_object('content-type', set_content_type.content_type)
  end
$$;

comment on function monitoring.set_content_type(jsonb, text) is
'Returns headers with another Content-Type. pg_net stores the headers of the first response, which may be a redirect,
but the content type of the last.';

create function monitoring.find_left_operand(path text)
returns text
language sql
immutable
strict
parallel safe
security invoker
set search_path = ''
as $$
  -- Operators inside of texts, brackets and filters are not those of the predicate. Filters of filters are not read.
  with split as (
    select regexp_match(
      find_left_operand.path,
      '^\s*((?:[^"()\[\]=!<>&|]|"(?:[^"\\]|\\.)*"|\[[^\[\]"]*\]|\((?:[^()"]|"(?:[^"\\]|\\.)*")*\))+?)\s*'
      '(?:==|!=|<>|<=|>=|<|>|\mlike_regex\M|\mstarts\s+with\M)(.*)$'
    ) as parts
  )

  select split.parts[1]
  from split
  where strpos(split.parts[1], '$') > 0 -- no constant
    and regexp_replace(split.parts[2], '"(?:[^"\\]|\\.)*"', '', 'g') !~ '&&|\|\|'
$$;

comment on function monitoring.find_left_operand(text) is
'Returns the left operand of a predicate of SQL/JSON path: $.status of $.status == "ok". Null when the predicate is no
single comparison, or begins with a constant.';

create function monitoring.describe_operand(document jsonb, operand text)
returns text
language plpgsql
stable
strict
security invoker
set search_path = ''
as $$
declare
  v_values jsonb;
  v_found jsonb;
begin
  -- Not in the declaration, which the handler does not cover.
  v_values := jsonb_path_query_array(
    describe_operand.document, describe_operand.operand::jsonpath, silent => true
  );
  if v_values = '[]' then
    return describe_operand.operand || ' is missing';
  end if;
  v_found := case when jsonb_array_length(v_values) = 1 then v_values -> 0 else v_values end;
  return format(
    '%s is %s',
    describe_operand.operand,
    case
      when octet_length(v_found::text) > 1000 then format('a value of %s bytes', octet_length(v_found::text))
      -- The keys on the way tell that the value is a secret.
      when exists (
        select
        from regexp_matches(describe_operand.operand, '[[:alnum:]_-]+', 'g') as words (word)
        where monitoring.is_sensitive_key(words.word[1])
      )
        then '[redacted]'
      else monitoring.sanitize_line(monitoring.sanitize_jsonb(v_found, 1000)::text, 200)
    end
  );
exception
  -- An operand that is no path by itself, such as a number, a function that needs the time zone, or a syntax error.
  when data_exception or program_limit_exceeded or syntax_error or undefined_object or feature_not_supported
  then
    return null;
end
$$;

comment on function monitoring.describe_operand(jsonb, text) is
'Returns what an SQL/JSON path finds in a document, such as $.status is "degraded", sanitized, at most 200 bytes of
it; of more than 1,000 bytes only the size. Null if the operand is no path.';

create function monitoring.find_unmet_header(header_contains jsonb, headers jsonb)
returns text
language sql
stable
security invoker
set search_path = ''
as $$
  select case
    when header.bytes is null then format('the response has no header %s', wanted.name)
    else format(
      'the header "%s" does not contain "%s"',
      monitoring.sanitize_line(wanted.name || ': ' || left(monitoring.read_excerpt(header.bytes), 200), 400),
      wanted.part
    )
  end
  from jsonb_each_text(
    case
      when jsonb_typeof(find_unmet_header.header_contains) = 'object' then find_unmet_header.header_contains
      else '{}'::jsonb
    end
  ) as wanted (name, part)
  cross join lateral monitoring.read_header(
    coalesce(find_unmet_header.headers, '{}'::jsonb), wanted.name
  ) as header (bytes)
  where header.bytes is null or position(convert_to(wanted.part, 'UTF8') in header.bytes) = 0
  order by wanted.name collate "C"
  limit 1
$$;

comment on function monitoring.find_unmet_header(jsonb, jsonb) is
'Returns the first condition of header_contains that the headers of a response do not meet, in words, or null.';

create function monitoring.find_unmet_json_path(json_path text, content bytea)
returns text
language plpgsql
stable
strict
security invoker
set search_path = ''
as $$
declare
  v_document jsonb;
  v_detail text;
  v_unmet constant text := 'the body does not satisfy ' || find_unmet_json_path.json_path;
begin
  if length(find_unmet_json_path.content) > 1048576 then
    return 'the body is larger than 1 MiB, so it is not read as JSON';
  end if;
  begin
    v_document := convert_from(
      case -- without the mark of UTF-8
        when substring(find_unmet_json_path.content from 1 for 3) = '\xefbbbf'::bytea
          then substring(find_unmet_json_path.content from 4)
        else find_unmet_json_path.content
      end,
      'UTF8'
    )::jsonb;
  exception
    when data_exception or program_limit_exceeded then
      get stacked diagnostics v_detail = pg_exception_detail;
      return concat_ws(
        ': ', 'the body is no JSON', monitoring.sanitize_line(left(coalesce(nullif(v_detail, ''), sqlerrm), 500), 300)
      );
  end;
  if jsonb_path_match(v_document, find_unmet_json_path.json_path::jsonpath) then
    return null;
  end if;
  return concat_ws(
    ': ',
    v_unmet,
    monitoring.describe_operand(v_document, monitoring.find_left_operand(find_unmet_json_path.json_path))
  );
exception
  when data_exception or program_limit_exceeded or syntax_error or undefined_object or feature_not_supported
  then
    return concat_ws(': ', v_unmet, monitoring.sanitize_line(left(sqlerrm, 500), 300));
end
$$;

comment on function monitoring.find_unmet_json_path(text, bytea) is
'Returns why a body does not satisfy a predicate of SQL/JSON path, or null when it does. content has at most 1 MiB, or
is not read. A path that fails on the body is not satisfied.';

create function monitoring.find_unmet_body_condition(
  target monitoring.probe_targets, headers jsonb, content bytea
)
returns text
language plpgsql
stable
security invoker
set search_path = ''
as $$
declare
  c_searched constant integer := 1048576;
  v_text constant text := (find_unmet_body_condition.target).body_contains;
  v_unwanted constant text := (find_unmet_body_condition.target).body_lacks;
  v_path constant text := (find_unmet_body_condition.target).json_path;
  v_content constant bytea := coalesce(find_unmet_body_condition.content, ''::bytea);
  v_part constant bytea := substring(v_content from 1 for c_searched);
  v_what constant text := case when length(v_content) > c_searched then 'the first MiB of the body' else 'the body' end;
  v_encoding text;
begin
  if v_text is null and v_unwanted is null and v_path is null then
    return null;
  elsif v_content = ''::bytea then
    return case
      when v_text is not null then format('the body is empty, so it does not contain "%s"', v_text)
      when v_path is not null then 'the body is empty, so it is no JSON'
    end;
  end if;

  v_encoding := lower(btrim(left(
    monitoring.read_excerpt(monitoring.read_header(find_unmet_body_condition.headers, 'content-encoding')), 50
  )));
  if substring(v_content from 1 for 2) = '\x1f8b'::bytea then
    return 'the body is compressed (gzip), so it cannot be searched';
  elsif v_encoding not in ('', 'identity')
    -- pg_net keeps the headers of the first response: a redirect may be encoded, and what it leads to may not.
    and monitoring.read_header(find_unmet_body_condition.headers, 'location') is null
  then
    return format('the body is compressed (%s), so it cannot be searched', v_encoding);
  elsif position(convert_to(v_text, 'UTF8') in v_part) = 0 then
    return format('%s does not contain "%s"', v_what, v_text);
  elsif position(convert_to(v_unwanted, 'UTF8') in v_part) > 0 then
    return format('%s contains "%s"', v_what, v_unwanted);
  end if;
  return monitoring.find_unmet_json_path(v_path, v_content);
end
$$;

comment on function monitoring.find_unmet_body_condition(monitoring.probe_targets, jsonb, bytea) is
'Returns the first of body_contains, body_lacks and json_path that a body does not meet, in words, or null.';

create function monitoring.find_unmet_condition(
  target monitoring.probe_targets, http_status integer, headers jsonb, content bytea
)
returns text
language plpgsql
stable
security invoker
set search_path = ''
as $$
declare
  v_expected constant int4multirange := coalesce(
    (find_unmet_condition.target).expected_status, '{[200,400)}'::int4multirange
  );
  v_unmet text;
  v_body_unmet text;
begin
  if not find_unmet_condition.http_status <@ v_expected then
    return format(
      'responded with %s, expected %s', find_unmet_condition.http_status, monitoring.describe_statuses(v_expected)
    );
  end if;
  v_unmet := monitoring.find_unmet_header(
    (find_unmet_condition.target).header_contains, find_unmet_condition.headers
  );
  if find_unmet_condition.http_status not between 300 and 399
    and monitoring.read_header(find_unmet_condition.headers, 'location') is not null
  then
    v_unmet := v_unmet || ' (pg_net keeps the headers of the redirect, not of what it leads to)';
  end if;
  if v_unmet is null then
    v_body_unmet := monitoring.find_unmet_body_condition(
      find_unmet_condition.target, find_unmet_condition.headers, find_unmet_condition.content
    );
    -- The reason may quote the body.
    v_unmet := coalesce(
      case
        when v_body_unmet is not null
          then monitoring.find_unmet_body_condition(
            find_unmet_condition.target,
            find_unmet_condition.headers,
            monitoring.hide_request_secrets(find_unmet_condition.target, find_unmet_condition.content)
          )
      end,
      v_body_unmet
    );
  end if;
  return monitoring.truncate_bytes(v_unmet, 1000);
end
$$;

comment on function monitoring.find_unmet_condition(monitoring.probe_targets, integer, jsonb, bytea) is
'Returns the first condition of a target that a response does not meet, as a reason in words, at most 1,000 bytes, or
null when it meets all of them. content is the body: 1 MiB of it is searched. pg_net passes on compressed bodies as they
are; whoever decodes a body leaves content-encoding out of headers. Raises for no bytes.';

create function monitoring.read_content(content text)
returns bytea
language plpgsql
stable
strict
security invoker
set search_path = ''
as $$
begin
  -- textsend() instead of convert_to(), which rejects the invalid UTF-8 that pg_net stores. It copies the text, so only
  -- a part of a large one, which is more than is searched.
  if octet_length(read_content.content) > 16777216 then
    begin
      return pg_catalog.textsend(substring(read_content.content from 1 for 2097152));
    exception
      when character_not_in_repertoire then
        null; -- no characters can be counted: all of it
    end;
  end if;
  return pg_catalog.textsend(read_content.content);
end
$$;

comment on function monitoring.read_content(text) is
'Returns the bytes of a body that pg_net stored, which need not be valid text: at least the first 2 MiB of it.';

create function monitoring.hide_request_secrets(target monitoring.probe_targets, content bytea)
returns bytea
language plpgsql
stable
security invoker
set search_path = ''
as $$
declare
  c_hidden constant text := encode(convert_to('[redacted]', 'UTF8'), 'hex');
  v_content bytea := hide_request_secrets.content;
  v_part bytea;
begin
  if coalesce((hide_request_secrets.target).secret_headers, '{}') = '{}' then
    return v_content;
  end if;
  for v_part in
    select convert_to(parts.part, 'UTF8')
    from jsonb_each_text((hide_request_secrets.target).secret_headers) as secret (header, name)
    cross join lateral btrim(monitoring.read_secret(secret.name), e' \n\r\t') as known (value)
    -- All of it, and the token alone of Bearer and a token.
    cross join lateral unnest(array[known.value, regexp_replace(known.value, '^\S+\s+', '')]) as parts (part)
    where length(parts.part) > 5
  loop
    if position(v_part in v_content) > 0 then
      v_content := decode(replace(encode(v_content, 'hex'), encode(v_part, 'hex'), c_hidden), 'hex');
    end if;
  end loop;
  return v_content;
end
$$;

comment on function monitoring.hide_request_secrets(monitoring.probe_targets, bytea) is
'Returns a body of a response without the secrets of secret_headers, which a server may repeat: readers of checks and
incidents must not see them. Values of up to 5 characters stay.';

create type monitoring.read_response as (
  check_id bigint,
  request_id bigint,
  created timestamptz,
  worker_restarts integer,
  http_status integer,
  response_time_ms integer,
  response_time_error_ms integer,
  error text,
  headers jsonb,
  excerpt text,
  unmet_condition text
);

comment on type monitoring.read_response is
'A response of pg_net to a health check, read and sanitized, as it is recorded on the probe check_id.';

create function monitoring.read_answer(
  request_id bigint,
  status_code integer,
  headers jsonb,
  content text,
  has_timed_out boolean,
  error_msg text,
  created timestamptz,
  response_time_ms integer,
  response_time_error_ms integer
)
returns monitoring.read_response
language plpgsql
stable
security invoker
set search_path = ''
as $$
declare
  v_read monitoring.read_response;
  v_target monitoring.probe_targets;
  v_has_status constant boolean := coalesce(read_answer.status_code between 100 and 999, false);
  v_content bytea;
begin
  select awaited.check_id, awaited.request_id, awaited.worker_restarts
  into v_read.check_id, v_read.request_id, v_read.worker_restarts
  from monitoring.awaited_checks as awaited
  where awaited.request_id = read_answer.request_id;
  if not found then
    return null;
  end if;
  select probe_targets.*
  into v_target
  from monitoring.probes
  join monitoring.probe_targets on probe_targets.name = probes.target
  where probes.id = v_read.check_id;
  v_read.created := read_answer.created;
  if v_has_status then
    v_read.http_status := read_answer.status_code;
    v_read.response_time_ms := read_answer.response_time_ms;
    v_read.response_time_error_ms := read_answer.response_time_error_ms;
  end if;

  v_read.error := case
    when read_answer.has_timed_out
      then coalesce('timed out after ' || v_target.timeout_ms || ' ms', 'timed out')
    when not v_has_status and read_answer.status_code is not null
      then format('responded with %s, which is no HTTP status', read_answer.status_code)
    else monitoring.read_excerpt(pg_catalog.textsend(read_answer.error_msg))
  end;
  v_content := monitoring.read_content(read_answer.content);
  v_read.headers := monitoring.read_answer_headers(read_answer.headers, '{content-type,retry-after,server}');
  v_read.excerpt := monitoring.read_excerpt(monitoring.hide_request_secrets(v_target, v_content));
  if v_has_status then
    v_read.unmet_condition := monitoring.find_unmet_condition(
      v_target, read_answer.status_code, read_answer.headers, v_content
    );
  end if;
  return v_read;
exception
  -- What is wrong with a response is about its target alone. Other errors are about us.
  when data_exception or program_limit_exceeded then
    v_read.error := 'the response could not be read: ' || monitoring.sanitize_text(sqlerrm, 300);
    v_read.unmet_condition := case when v_has_status then v_read.error end;
    return v_read;
end
$$;

comment on function monitoring.read_answer(
  bigint, integer, jsonb, text, boolean, text, timestamptz, integer, integer
) is
'Reads a response of pg_net for the check that waits for it. Null when none does. At most 1 MiB of the body is searched
and 1 kB kept. A response that cannot be read is a failure that says so. Writes and locks nothing.';

create function monitoring.write_answer(answer monitoring.read_response)
returns boolean
language plpgsql
volatile
security invoker
set search_path = ''
as $$
begin
  perform
  from monitoring.awaited_checks as awaited
  join monitoring.probes on probes.id = awaited.check_id
  where awaited.request_id = (write_answer.answer).request_id
    and awaited.check_id = (write_answer.answer).check_id
    and probes.request_id = awaited.request_id
    and probes.answered_at is null
    -- A batch that began later sent another request, which got the same id from a new installation of pg_net.
    and (write_answer.answer).created <= probes.answer_due_at
  for update of awaited skip locked
  for no key update of probes skip locked;
  if not found then
    return false;
  end if;
  update monitoring.probes
  set
    answered_at = clock_timestamp(),
    http_status = (write_answer.answer).http_status,
    response_time_ms = (write_answer.answer).response_time_ms,
    response_time_error_ms = (write_answer.answer).response_time_error_ms,
    error = (write_answer.answer).error,
    answer_headers = (write_answer.answer).headers,
    answer_excerpt = (write_answer.answer).excerpt,
    unmet_condition = (write_answer.answer).unmet_condition
  where probes.id = (write_answer.answer).check_id;
  delete from monitoring.awaited_checks
  where awaited_checks.request_id = (write_answer.answer).request_id;
  return true;
end
$$;

comment on function monitoring.write_answer(monitoring.read_response) is
'Records a response on the probe that waits for it, and returns whether there was one that nobody else has locked. No
constraint and no index depends on what it writes, so that no response can make it fail.';

create function monitoring.store_answer(
  request_id bigint,
  status_code integer,
  headers jsonb,
  content text,
  has_timed_out boolean,
  error_msg text,
  created timestamptz,
  response_time_ms integer,
  response_time_error_ms integer default null
)
returns boolean
language plpgsql
volatile
security invoker
set search_path = ''
as $$
begin
  return monitoring.write_answer(
    monitoring.read_answer(
      store_answer.request_id, store_answer.status_code, store_answer.headers, store_answer.content,
      store_answer.has_timed_out, store_answer.error_msg, store_answer.created, store_answer.response_time_ms,
      store_answer.response_time_error_ms
    )
  );
end
$$;

comment on function monitoring.store_answer(
  bigint, integer, jsonb, text, boolean, text, timestamptz, integer, integer
) is
'Records a response of pg_net on the check that waits for it, and returns whether there was one. created is the start
of the batch; response_time_ms and by how much it may be wrong are null when they were not measured.';

create type monitoring.worker_run as (began numeric, ended numeric, backlog_ms numeric);

comment on type monitoring.worker_run is
'What pg_net''s worker, which does one thing at a time, recorded without a pause: when that began and when it last
ended, in seconds of the epoch, and for how many milliseconds a response may have waited meanwhile.';

create function monitoring.continue_run(run monitoring.worker_run, at numeric)
returns monitoring.worker_run
language sql
immutable
parallel safe
security invoker
set search_path = ''
as $$
  -- Between two recordings the worker needs up to a millisecond for itself. In a longer pause it had time for responses
  -- that waited, so the backlog shrinks.
  select (
    case when backlog.ms = 0 then continue_run.at else (continue_run.run).began end, continue_run.at, backlog.ms
  )::monitoring.worker_run
  from (
    select coalesce(
      greatest(
        (continue_run.run).backlog_ms - greatest((continue_run.at - (continue_run.run).ended) * 1000 - 1, 0), 0
      ), 0
    ) as ms
  ) as backlog
$$;

comment on function monitoring.continue_run(monitoring.worker_run, numeric) is
'Returns the run of recordings that a response inserted at a time, in seconds of the epoch, belongs to. backlog_ms is
then the time for which it may have waited until others were recorded: the worker reads responses and records them in turn, so
those that arrive together are recorded one after the other. run is null at the beginning of a batch.';

-- Scalars, because a parameter of the type of the table would keep pg_net from being dropped and installed again.
create function monitoring.record_other_answer(
  request_id bigint,
  status_code integer,
  headers jsonb,
  content text,
  has_timed_out boolean,
  error_msg text,
  created timestamptz
)
returns boolean
language plpgsql
volatile
security invoker
set search_path = ''
as $$
begin
  if monitoring.store_notification_answer(
    record_other_answer.request_id, record_other_answer.status_code, record_other_answer.headers,
    record_other_answer.content, record_other_answer.has_timed_out, record_other_answer.error_msg
  ) then
    return true;
  end if;
  -- Nobody waits for the response to a request that was withdrawn while the worker sent it.
  if exists (
    select
    from monitoring.withdrawn_requests
    where withdrawn_requests.request_id = record_other_answer.request_id
  ) then
    return true;
  end if;
  -- Last, because embeddings know their requests only by id and time.
  return monitoring.store_embedding_answer(
    record_other_answer.request_id, record_other_answer.status_code, record_other_answer.content,
    record_other_answer.error_msg, record_other_answer.created
  );
end
$$;

comment on function monitoring.record_other_answer(bigint, integer, jsonb, text, boolean, text, timestamptz) is
'Records a response to another request of ours than a health check: a notification or an embedding. Returns whether
nobody else needs it.';

create function monitoring.record_answer()
returns trigger
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  v_at constant numeric := extract(epoch from clock_timestamp());
  v_run monitoring.worker_run;
  v_elapsed_ms numeric;
  v_answer monitoring.read_response;
  v_is_recorded boolean := false;
  v_is_unguarded boolean := false;
begin
  -- A block that writes nothing needs no id of a subtransaction, of which a batch of 200 would have too many.
  begin
    v_run := monitoring.continue_run(
      nullif(current_setting('monitoring.worker_run', true), '')::monitoring.worker_run, v_at
    );
    v_elapsed_ms := least((v_at - extract(epoch from new.created)) * 1000, 2147483647);
    v_answer := monitoring.read_answer(
      new.id, new.status_code, monitoring.set_content_type(new.headers, new.content_type), new.content,
      new.timed_out, new.error_msg, new.created,
      greatest(v_elapsed_ms - v_run.backlog_ms, 0)::integer,
      greatest(v_run.backlog_ms, (v_at - v_run.began) * 1000 - v_run.backlog_ms)::integer
    );
    -- The first answer of a batch showed that answers can be written. Should one end the worker nevertheless, it is
    -- written under guard when the worker sends its request again.
    v_is_unguarded := v_answer.worker_restarts = 0
      and coalesce(current_setting('monitoring.can_write_answers', true), '') = 'true';
    if v_answer.check_id is null or not v_is_unguarded then
      v_is_unguarded := false;
      if v_answer.check_id is null then
        v_is_recorded := monitoring.record_other_answer(
          new.id, new.status_code, new.headers, new.content, new.timed_out, new.error_msg, new.created
        );
      else
        v_is_recorded := monitoring.write_answer(v_answer);
        perform set_config('monitoring.can_write_answers', v_is_recorded::text, true);
      end if;
    end if;
  exception
    when others then
      v_is_recorded := false; -- the row is stored, and collected later
      v_is_unguarded := false;
  end;
  if v_is_unguarded then
    v_is_recorded := monitoring.write_answer(v_answer);
  end if;

  -- Outside of the block, whose end by an error would undo the setting. It lasts until the end of the batch.
  v_run.ended := extract(epoch from clock_timestamp());
  v_run.backlog_ms := v_run.backlog_ms + (v_run.ended - v_at) * 1000;
  perform set_config('monitoring.worker_run', v_run::text, true);
  if v_is_recorded then
    return null;
  end if;
  return new;
end
$$;

comment on function monitoring.record_answer() is
'Records a response when pg_net inserts it, which is the only way to measure the response time, because created is
the start of the batch. A recorded response is not inserted: bodies would pile up for hours. Never raises for what a
response contains: it is read in a block, and so is the first one of a batch written. Security definer: it runs as the
role of pg_net''s worker.';

create function monitoring.install_answer_trigger()
returns boolean
language plpgsql
volatile
security invoker
set search_path = ''
as $$
begin
  if not exists (
    select
    from pg_catalog.pg_trigger
    where pg_trigger.tgrelid = to_regclass('net._http_response')
      and pg_trigger.tgname = 'monitoring_records_answers'
      and pg_trigger.tgtype & 2 = 2 -- before
  ) then
    -- Replaces the trigger of an earlier version, which ran after the insertion. Only the owner could drop it.
    create or replace trigger monitoring_records_answers
    before insert on net._http_response
    for each row execute function monitoring.record_answer();
  end if;
  return true;
exception
  when insufficient_privilege or undefined_table then
    raise notice 'cannot create a trigger on net._http_response: health checks work, but without response times';
    return false;
end
$$;

comment on function monitoring.install_answer_trigger() is
'Creates the trigger on net._http_response if it is missing, or was created by an earlier version, and we have the
privilege. Returns whether it exists. Safe to repeat.';

create function monitoring.collect_missed_answers()
returns bigint
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  v_missed record;
  v_response record;
  v_collected bigint := 0::bigint;
begin
  for v_missed in
    select response.ctid as place, response.id
    from net._http_response as response
    join monitoring.awaited_checks as awaited on awaited.request_id = response.id
    -- Responses of others have an index of created alone. It is the start of the batch, which can be before its
    -- requests were enqueued.
    where response.created >= (
      select min(probes.sent_at) - interval '1 minute'
      from monitoring.awaited_checks
      join monitoring.probes on probes.id = awaited_checks.check_id
    )
  loop
    begin
      -- One body at a time. pg_net deletes expired rows at the same time.
      select response.*
      into v_response
      from net._http_response as response
      where response.ctid = v_missed.place
        and response.id = v_missed.id
      for update skip locked;
      continue when not found or not monitoring.store_answer(
        v_response.id, v_response.status_code,
        monitoring.set_content_type(v_response.headers, v_response.content_type), v_response.content,
        v_response.timed_out, v_response.error_msg, v_response.created, null
      );
      delete from net._http_response
      where _http_response.ctid = v_missed.place
        and _http_response.id = v_missed.id;
      v_collected := v_collected + 1;
    exception
      when data_exception or program_limit_exceeded or integrity_constraint_violation then
        -- One answer that cannot be recorded must not stop the others: its check becomes unknown.
        raise warning using
          errcode = sqlstate,
          message = format(
            'the answer to request %s could not be recorded: %s', v_missed.id, monitoring.sanitize_text(sqlerrm, 1000)
          );
    end;
  end loop;
  return v_collected;
end
$$;

comment on function monitoring.collect_missed_answers() is
'Records responses that the trigger did not record, without response times, and deletes them from net._http_response.
Returns their number.';
