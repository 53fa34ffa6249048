-- Purpose: records what the service saw when it looked at targets.
-- Objects: types monitoring.look_result, monitoring.recorded_look; functions monitoring.read_look_integer,
--   monitoring.read_look_list, monitoring.read_look_addresses, monitoring.read_look_headers, monitoring.read_look_body,
--   monitoring.read_look_certificate, monitoring.read_look_time, monitoring.read_look_id, monitoring.read_look,
--   monitoring.judge_look, monitoring.record_look, public.record_looks.
-- Risks: everything in a result comes from the server that was looked at: it is sanitized, and bounded in size. A
--   result that cannot be read is refused alone. Nothing is written in its block, so a call needs no subtransaction
--   ids. Looks are locked by id, then certificates by target, then incidents by fingerprint.

create type monitoring.look_result as (
  http_status integer,
  headers jsonb,
  body bytea,
  error_kind text,
  problem text,
  response_time_ms integer,
  first_byte_ms integer,
  addresses text[], -- noqa: LT01
  certificate monitoring.target_certificates
);

comment on type monitoring.look_result is
'What the service saw, read and sanitized. certificate has no target yet, and is null when the service saw none.';

create function monitoring.read_look_integer(holder jsonb, field text, minimum integer, maximum integer)
returns integer
language plpgsql
stable
security invoker
set search_path = ''
as $$
declare
  v_value jsonb := read_look_integer.holder -> read_look_integer.field;
begin
  if coalesce(jsonb_typeof(v_value), 'null') = 'null' then
    return null;
  end if;
  if jsonb_typeof(v_value) <> 'number'
    or (v_value #>> '{}')::numeric not between read_look_integer.minimum and read_look_integer.maximum
  then
    perform monitoring.refuse_event(
      read_look_integer.field,
      format('must be a number from %s to %s', read_look_integer.minimum, read_look_integer.maximum),
      'Send null when it is not known.'
    );
  end if;
  return round((v_value #>> '{}')::numeric)::integer;
end
$$;

comment on function monitoring.read_look_integer(jsonb, text, integer, integer) is
'Returns a number of a result, rounded. Null when it is missing. Raises PT400 when it is none, or out of bounds.';

create function monitoring.read_look_list(holder jsonb, field text, path text, most integer)
returns text[]
language plpgsql
stable
security invoker
set search_path = ''
as $$
declare
  v_value jsonb := read_look_list.holder -> read_look_list.field;
begin
  if coalesce(jsonb_typeof(v_value), 'null') = 'null' then
    return '{}'::text[];
  end if;
  if jsonb_typeof(v_value) <> 'array' or jsonb_path_exists(v_value, 'strict $[*] ? (@.type() != "string")') then
    perform monitoring.refuse_event(
      read_look_list.path || read_look_list.field, 'must be a list of strings', 'Send an empty list if there are none.'
    );
  end if;
  return array(
    select items.item
    from jsonb_array_elements_text(v_value) with ordinality as items (item, place)
    order by items.place
    limit read_look_list.most
  );
end
$$;

comment on function monitoring.read_look_list(jsonb, text, text, integer) is
'Returns a list of strings of a result, not sanitized, at most the first so many. Empty when it is missing. Raises PT400
when it is anything else.';

create function monitoring.read_look_addresses(result jsonb)
returns text[]
language plpgsql
stable
security invoker
set search_path = ''
as $$
declare
  v_address text;
  v_addresses text[] := '{}'::text[];
begin
  foreach v_address in array monitoring.read_look_list(read_look_addresses.result, 'addresses', '', 50) loop
    -- A link-local address can have a zone, such as %eth0.
    v_address := split_part(left(v_address, 100), '%', 1);
    if not monitoring.is_valid_input(v_address, 'inet') then
      perform monitoring.refuse_event('addresses', 'must be IP addresses', 'Send them as text, such as 192.0.2.1.');
    end if;
    v_addresses := v_addresses || host(v_address::inet);
  end loop;
  return v_addresses;
end
$$;

comment on function monitoring.read_look_addresses(jsonb) is
'Returns the addresses to which the name of the host resolved, at most 50. Raises PT400 when one is no IP address.';

create function monitoring.read_look_headers(result jsonb)
returns jsonb
language plpgsql
stable
security invoker
set search_path = ''
as $$
declare
  v_headers jsonb := read_look_headers.result -> 'headers';
begin
  if coalesce(jsonb_typeof(v_headers), 'null') = 'null' then
    return '{}'::jsonb;
  end if;
  if jsonb_typeof(v_headers) <> 'object' or jsonb_path_exists(v_headers, 'strict $.* ? (@.type() != "string")') then
    perform monitoring.refuse_event(
      'headers', 'must be an object of strings', 'Join the values of a repeated header with a comma.'
    );
  elsif octet_length(v_headers::text) > 131072 then
    perform monitoring.refuse_event('headers', 'is larger than 128 kB', 'Shorten the values.');
  end if;
  return v_headers;
end
$$;

comment on function monitoring.read_look_headers(jsonb) is
'Returns the headers of the response. Raises PT400 when they are no object of strings, or larger than 128 kB.';

create function monitoring.read_look_body(result jsonb)
returns bytea
language plpgsql
stable
security invoker
set search_path = ''
as $$
declare
  v_body jsonb := read_look_body.result -> 'body';
begin
  if coalesce(jsonb_typeof(v_body), 'null') = 'null' then
    return ''::bytea;
  end if;
  if jsonb_typeof(v_body) <> 'string' then
    perform monitoring.refuse_event('body', 'must be a string', 'Send null without a body.');
  elsif octet_length(v_body #>> '{}') > 1048576 then
    perform monitoring.refuse_event('body', 'is larger than 1 MiB', 'Send the first MiB only, as counted in UTF-8.');
  end if;
  return convert_to(v_body #>> '{}', 'UTF8');
end
$$;

comment on function monitoring.read_look_body(jsonb) is
'Returns the body of the response, empty when it is missing. Raises PT400 when it is no string, or larger than 1 MiB.';

create function monitoring.read_look_time(certificate jsonb, field text)
returns timestamptz
language plpgsql
stable
security invoker
set search_path = ''
as $$
declare
  v_value jsonb := read_look_time.certificate -> read_look_time.field;
  v_moment timestamptz := monitoring.parse_timestamp(v_value);
begin
  if v_moment is null and coalesce(jsonb_typeof(v_value), 'null') <> 'null' then
    perform monitoring.refuse_event(
      'certificate.' || read_look_time.field, 'is no time', 'Send it in ISO 8601, such as 2026-01-31T10:00:00Z.'
    );
  end if;
  return v_moment;
end
$$;

comment on function monitoring.read_look_time(jsonb, text) is
'Returns a time of a certificate. Null when it is missing. Raises PT400 when it cannot be read.';

create function monitoring.read_look_certificate(result jsonb)
returns monitoring.target_certificates
language plpgsql
stable
security invoker
set search_path = ''
as $$
declare
  v_given jsonb := read_look_certificate.result -> 'certificate';
  v_certificate monitoring.target_certificates;
begin
  if coalesce(jsonb_typeof(v_given), 'null') = 'null' then
    return null;
  end if;
  if jsonb_typeof(v_given) <> 'object' then
    perform monitoring.refuse_event('certificate', 'must be an object', 'Send null when the service saw none.');
  end if;
  v_certificate.issuer := monitoring.read_event_line(v_given, 'issuer', 'certificate.', 500);
  v_certificate.subject := monitoring.read_event_line(v_given, 'subject', 'certificate.', 500);
  v_certificate.names := array(
    select monitoring.sanitize_line(listed.name, 255)
    from unnest(
      monitoring.read_look_list(v_given, 'names', 'certificate.', 100)
    ) with ordinality as listed (name, place)
    where monitoring.sanitize_line(listed.name, 255) is not null
    order by listed.place
  );
  v_certificate.not_before := monitoring.read_look_time(v_given, 'not_before');
  v_certificate.not_after := monitoring.read_look_time(v_given, 'not_after');
  v_certificate.problem := monitoring.read_event_line(v_given, 'problem', 'certificate.', 500);
  if num_nonnulls(v_certificate.not_after, v_certificate.problem) = 0 then
    if num_nonnulls(v_certificate.issuer, v_certificate.subject, v_certificate.not_before) = 0 then
      return null;
    end if;
    v_certificate.problem := 'the certificate has no end that can be read';
  end if;
  return v_certificate;
end
$$;

comment on function monitoring.read_look_certificate(jsonb) is
'Returns the certificate of a result, sanitized, with at most 100 names. Null when the service saw none, or nothing of
it. One without an end has a problem. Raises PT400 for a field that cannot be read.';

create function monitoring.read_look_id(result jsonb)
returns bigint
language sql
immutable
strict
security invoker
set search_path = ''
as $$
  select case
    when jsonb_typeof(read_look_id.result -> 'id') = 'number' and read_look_id.result ->> 'id' ~ '^[0-9]{1,18}$'
      then (read_look_id.result ->> 'id')::bigint
  end
$$;

comment on function monitoring.read_look_id(jsonb) is 'Returns the id of the look of a result. Null when it has none.';

create function monitoring.read_look(result jsonb)
returns monitoring.look_result
language plpgsql
stable
security invoker
set search_path = ''
as $$
declare
  c_kinds constant text[] := array['dns', 'connect', 'tls', 'timeout', 'private_address', 'protocol'];
  v_result monitoring.look_result;
begin
  if jsonb_typeof(read_look.result) <> 'object' then
    perform monitoring.refuse_event('looks', 'must be objects', 'Send [{"id": 1, "http_status": 200}].');
  elsif monitoring.read_look_id(read_look.result) is null then
    perform monitoring.refuse_event('id', 'must be the id of a look', 'Send the id that take_looks() returned.');
  end if;
  v_result.http_status := monitoring.read_look_integer(read_look.result, 'http_status', 100, 999);
  v_result.error_kind := monitoring.read_event_text(read_look.result, 'error_kind', '', 100);
  if v_result.error_kind <> all(c_kinds) then
    perform monitoring.refuse_event(
      'error_kind', 'must be one of ' || array_to_string(c_kinds, ', '), 'Send null with a complete response.'
    );
  elsif num_nonnulls(v_result.http_status, v_result.error_kind) = 0 then
    perform monitoring.refuse_event(
      'http_status', 'is missing', 'Send error_kind when there was no response.'
    );
  end if;
  v_result.problem := monitoring.read_event_text(read_look.result, 'problem', '', 1000);
  v_result.headers := monitoring.read_look_headers(read_look.result);
  v_result.body := monitoring.read_look_body(read_look.result);
  v_result.response_time_ms := monitoring.read_look_integer(read_look.result, 'response_time_ms', 0, 3600000);
  v_result.first_byte_ms := monitoring.read_look_integer(read_look.result, 'first_byte_ms', 0, 3600000);
  v_result.addresses := monitoring.read_look_addresses(read_look.result);
  v_result.certificate := monitoring.read_look_certificate(read_look.result);
  return v_result;
end
$$;

comment on function monitoring.read_look(jsonb) is
'Returns a result of the service, checked and sanitized. Raises PT400 with the name of the field that cannot be read.';

create function monitoring.judge_look(
  look monitoring.target_looks,
  result monitoring.look_result,
  out status public.check_status,
  out problem text
)
language plpgsql
stable
security invoker
set search_path = ''
as $$
declare
  v_target monitoring.probe_targets;
begin
  if (judge_look.result).error_kind is not null then
    judge_look.status := case (judge_look.result).error_kind
      when 'private_address' then 'unknown'::public.check_status
      else 'down'::public.check_status
    end;
    judge_look.problem := coalesce(
      (judge_look.result).problem,
      case (judge_look.result).error_kind
        when 'dns' then 'the name of the host cannot be resolved'
        when 'connect' then 'no connection'
        when 'tls' then 'no TLS connection'
        when 'timeout' then 'timed out'
        when 'private_address' then 'the service does not connect to private addresses'
        when 'protocol' then 'no valid HTTP response'
      end
    );
    return;
  end if;
  select probe_targets.*
  into v_target
  from monitoring.probe_targets
  where probe_targets.name = (judge_look.look).target;
  if not found then
    judge_look.status := 'unknown';
    judge_look.problem := 'the target was removed';
    return;
  end if;
  if (judge_look.look).purpose = 'certificate' then
    -- The service did not read the body.
    v_target.body_contains := null;
    v_target.body_lacks := null;
    v_target.json_path := null;
  end if;
  judge_look.problem := monitoring.find_unmet_condition(
    v_target, (judge_look.result).http_status, (judge_look.result).headers, (judge_look.result).body
  );
  judge_look.status := case
    when judge_look.problem is null then 'up'::public.check_status
    else 'down'::public.check_status
  end;
  if judge_look.status = 'up' and (judge_look.result).response_time_ms > v_target.max_response_ms then
    judge_look.status := 'degraded';
    judge_look.problem := format(
      'responded in %s ms, expected at most %s ms', (judge_look.result).response_time_ms, v_target.max_response_ms
    );
  end if;
end
$$;

comment on function monitoring.judge_look(monitoring.target_looks, monitoring.look_result) is
'Returns the status of a target according to a look, by the conditions of the target, and why it is not up. A private
address is unknown: the service refused to connect.';

create type monitoring.recorded_look as (answer jsonb, certificate monitoring.target_certificates);

comment on type monitoring.recorded_look is
'The answer to a result of the service, and the certificate that it saw, null without one.';

create function monitoring.record_look(item jsonb)
returns monitoring.recorded_look
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  v_id constant bigint := monitoring.read_look_id(record_look.item);
  v_look monitoring.target_looks;
  v_result monitoring.look_result;
  v_judged record;
  v_field text;
  v_problem text;
  v_recorded monitoring.recorded_look;
begin
  begin
    v_result := monitoring.read_look(record_look.item);
    select target_looks.*
    into v_look
    from monitoring.target_looks
    where target_looks.id = v_id;
    v_judged := monitoring.judge_look(v_look, v_result);
  exception
    when others then
      if sqlstate <> 'PT400' and not monitoring.is_content_error(sqlstate) then
        raise;
      end if;
      get stacked diagnostics v_problem = message_text, v_field = pg_exception_detail;
      v_recorded.answer := jsonb_build_object(
        'id', v_id,
        'result', 'refused',
        'field', case when sqlstate = 'PT400' then v_field end,
        'problem', monitoring.sanitize_text(v_problem, 1000)
      );
      return v_recorded;
  end;

  if v_look.recorded_at is null then
    update monitoring.target_looks
    set
      recorded_at = clock_timestamp(),
      status = v_judged.status,
      http_status = v_result.http_status,
      error_kind = v_result.error_kind,
      problem = v_judged.problem,
      response_time_ms = v_result.response_time_ms,
      first_byte_ms = v_result.first_byte_ms,
      addresses = v_result.addresses
    where target_looks.id = v_id
    returning target_looks.* into v_look;
    if v_result.certificate is distinct from null then
      v_recorded.certificate := v_result.certificate;
      v_recorded.certificate.target := v_look.target;
      v_recorded.certificate.endpoint := v_look.endpoint;
      v_recorded.certificate.looked_at := v_look.recorded_at;
    end if;
  end if;
  v_recorded.answer := jsonb_build_object(
    'id', v_id,
    'result', case
      when v_look.id is null then 'unknown'
      when v_look.recorded_at > v_look.due_at then 'late'
      else 'recorded'
    end
  );
  return v_recorded;
end
$$;

comment on function monitoring.record_look(jsonb) is
'Records one result of the service, and returns the answer and the certificate. A result that cannot be read is refused
with the name of the field; any error that it does not cause is raised. Of two results of a look the first one counts.';

create function public.record_looks(looks jsonb)
returns jsonb
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  v_item record;
  v_recorded monitoring.recorded_look;
  v_answers jsonb := '[]'::jsonb;
  v_certificates monitoring.target_certificates[] := '{}'::monitoring.target_certificates[];
begin
  if jsonb_typeof(record_looks.looks) is distinct from 'array' then
    perform monitoring.refuse_request(
      'PT400', 'looks must be a JSON array', 'looks', 'Send [{"id": 1, "http_status": 200, "response_time_ms": 50}].'
    );
  elsif jsonb_array_length(record_looks.looks) > 100 then
    perform monitoring.refuse_request(
      'PT413', 'looks holds more than 100 results', 'looks', 'Split them into several calls.'
    );
  end if;
  perform
  from monitoring.target_looks
  where target_looks.id in (
    select monitoring.read_look_id(items.item)
    from jsonb_array_elements(record_looks.looks) as items (item)
  )
  order by target_looks.id
  for no key update;

  for v_item in
    select items.item
    from jsonb_array_elements(record_looks.looks) with ordinality as items (item, place)
    order by items.place
  loop
    v_recorded := monitoring.record_look(v_item.item);
    v_answers := v_answers || jsonb_build_array(v_recorded.answer);
    v_certificates := v_certificates || v_recorded.certificate;
  end loop;
  perform monitoring.store_certificates(v_certificates);
  return v_answers;
end
$$;

revoke all on function public.record_looks(jsonb) from public, anon, authenticated, service_role;

grant execute on function public.record_looks(jsonb) to service_role;

comment on function public.record_looks(jsonb) is
'Records what the service saw when it looked at targets that take_looks() returned: at most 100 results.

Each is {"id", "http_status", "headers", "body", "error_kind", "problem", "response_time_ms", "first_byte_ms",
"addresses", "certificate": {"issuer", "subject", "names", "not_before", "not_after", "problem"}}; all but id may be
null or missing, but not both of http_status and error_kind. error_kind is dns, connect, tls, timeout, private_address
or protocol. headers is an object of strings; body is a string of at most 1 MiB. certificate is what the host of the
URL presented, also when it was not accepted; its problem says why, such as: the certificate is self-signed. Returns
[{"id", "result": "recorded" | "late" | "unknown" | "refused", "field", "problem"}] in the same order: late when
nobody waited any more, unknown for an id that does not exist, refused for a result that cannot be read, with its
field and what is wrong. The conditions of the target decide its status. Security definer, because service_role may
write looks in no other way.';
