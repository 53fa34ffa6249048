-- Purpose: validates arguments and raises errors for the RPCs of agents and people.
-- Objects: functions monitoring.refuse_request, monitoring.refuse_conflict, monitoring.refuse_unknown_incident,
--   monitoring.check_size, monitoring.read_optional_text, monitoring.require_argument, monitoring.read_required_text,
--   monitoring.read_optional_line, monitoring.read_required_line, monitoring.read_agent, monitoring.read_document,
--   monitoring.read_choice, monitoring.read_severity, monitoring.read_category, monitoring.require_subject,
--   monitoring.lock_incident, monitoring.lock_incidents.
-- Risks: text from agents is untrusted: it must pass one of the read functions before it is stored, and before any
--   lock is taken, so that a large argument makes nobody wait.

create function monitoring.refuse_request(code text, message text, field text, remedy text)
returns void
language plpgsql
stable
security invoker
set search_path = ''
as $$
begin
  raise exception using
    errcode = refuse_request.code,
    -- It can quote an argument, and the argument can hold a secret. format() keeps the planner from evaluating the
    -- message as a constant, which would raise at planning.
    message = format('%s', monitoring.sanitize_text(refuse_request.message, 2000)),
    detail = coalesce(refuse_request.field, ''),
    hint = coalesce(refuse_request.remedy, '');
end
$$;

comment on function monitoring.refuse_request(text, text, text, text) is
'Raises a PT code, such as PT404, which PostgREST returns as HTTP status 404. detail is the name of the field.';

create function monitoring.refuse_conflict(message text, field text, remedy text)
returns void
language plpgsql
stable
security invoker
set search_path = ''
as $$
begin
  raise exception using
    errcode = 'PT409',
    -- format() keeps the planner from evaluating the message as a constant, which would raise at planning.
    message = format('%s', left(refuse_conflict.message, 2000)),
    detail = refuse_conflict.field,
    hint = refuse_conflict.remedy;
end
$$;

comment on function monitoring.refuse_conflict(text, text, text) is
'Raises PT409 with a message that says who was faster, e-mail addresses included. It must quote what is stored, and no
argument: refuse_request() does that.';

create function monitoring.refuse_unknown_incident(incident_id text)
returns void
language plpgsql
stable
security invoker
set search_path = ''
as $$
begin
  perform monitoring.refuse_request(
    'PT404',
    'there is no incident '
    || coalesce(substring(refuse_unknown_incident.incident_id from '^INC-[0-9]{1,18}$'), 'with this id'),
    'incident_id',
    'An id looks like INC-1001; GET /rest/v1/open_incidents lists them.'
  );
end
$$;

comment on function monitoring.refuse_unknown_incident(text) is
'Raises PT404 for an incident that does not exist. The id is quoted only if it is one.';

create function monitoring.check_size(field text, value text, max_bytes integer)
returns void
language plpgsql
stable
security invoker
set search_path = ''
as $$
begin
  if octet_length(check_size.value) > check_size.max_bytes then
    perform monitoring.refuse_request(
      'PT413',
      format('%s has %s bytes', check_size.field, octet_length(check_size.value)),
      check_size.field,
      format('Send at most %s bytes; store larger data elsewhere and send its address.', check_size.max_bytes)
    );
  end if;
end
$$;

comment on function monitoring.check_size(text, text, integer) is
'Raises PT413 when an argument has more bytes than it may have.';

create function monitoring.read_optional_text(field text, value text, max_bytes integer)
returns text
language plpgsql
stable
security invoker
set search_path = ''
as $$
begin
  perform monitoring.check_size(read_optional_text.field, read_optional_text.value, 1048576);
  return nullif(
    btrim(monitoring.sanitize_text(read_optional_text.value, read_optional_text.max_bytes), e' \t\r\n'), ''
  );
end
$$;

comment on function monitoring.read_optional_text(text, text, integer) is
'Returns an argument, sanitized and truncated to max_bytes; null when it is missing or blank. Raises PT413 above 1
MiB.';

create function monitoring.require_argument(field text, value text)
returns text
language plpgsql
stable
security invoker
set search_path = ''
as $$
begin
  if require_argument.value is null then
    perform monitoring.refuse_request(
      'PT400', require_argument.field || ' is missing', require_argument.field, 'Send a string that is not blank.'
    );
  end if;
  return require_argument.value;
end
$$;

comment on function monitoring.require_argument(text, text) is
'Returns an argument. Raises PT400 when it is missing.';

create function monitoring.read_required_text(field text, value text, max_bytes integer)
returns text
language sql
stable
security invoker
set search_path = ''
as $$
  select monitoring.require_argument(
    read_required_text.field,
    monitoring.read_optional_text(read_required_text.field, read_required_text.value, read_required_text.max_bytes)
  )
$$;

comment on function monitoring.read_required_text(text, text, integer) is
'Returns an argument, sanitized and truncated to max_bytes. Raises PT400 when it is missing or blank, PT413 above 1
MiB.';

create function monitoring.read_optional_line(field text, value text, max_bytes integer)
returns text
language plpgsql
stable
security invoker
set search_path = ''
as $$
begin
  perform monitoring.check_size(read_optional_line.field, read_optional_line.value, 1048576);
  return monitoring.sanitize_line(read_optional_line.value, read_optional_line.max_bytes);
end
$$;

comment on function monitoring.read_optional_line(text, text, integer) is
'Returns an argument that is a name or a subject: as read_optional_text() does, and on one line.';

create function monitoring.read_required_line(field text, value text, max_bytes integer)
returns text
language sql
stable
security invoker
set search_path = ''
as $$
  select monitoring.require_argument(
    read_required_line.field,
    monitoring.read_optional_line(read_required_line.field, read_required_line.value, read_required_line.max_bytes)
  )
$$;

comment on function monitoring.read_required_line(text, text, integer) is
'Returns an argument that is a name or a subject: as read_required_text() does, and on one line.';

create function monitoring.read_agent(value text)
returns text
language plpgsql
stable
security invoker
set search_path = ''
as $$
declare
  v_agent text := monitoring.read_required_line('agent', read_agent.value, 200);
begin
  if monitoring.is_operator_name(v_agent) then
    perform monitoring.refuse_request(
      'PT400', 'agent must not name an operator', 'agent', 'Send the name of the agent, without (operator).'
    );
  end if;
  return v_agent;
end
$$;

comment on function monitoring.read_agent(text) is
'Returns an argument that is the name of an agent, as read_required_line() does. Raises PT400 for the name of an
operator: the service writes (operator) after those who signed in with the operator''s token.';

create function monitoring.read_document(field text, value jsonb, max_bytes integer)
returns jsonb
language plpgsql
stable
security invoker
set search_path = ''
as $$
begin
  if read_document.value is null then
    return '{}'::jsonb;
  end if;
  perform monitoring.check_size(read_document.field, read_document.value::text, 65536);
  if jsonb_typeof(read_document.value) <> 'object' then
    perform monitoring.refuse_request(
      'PT400', read_document.field || ' must be a JSON object', read_document.field, 'Send {"name": "value"}.'
    );
  end if;
  return monitoring.sanitize_jsonb(read_document.value, read_document.max_bytes);
end
$$;

comment on function monitoring.read_document(text, jsonb, integer) is
'Returns an argument that is a JSON object, sanitized and truncated to max_bytes; {} when it is missing. Raises PT400
for other values, PT413 above 64 KiB.';

create function monitoring.read_choice(field text, value text, choices text[])
returns text
language plpgsql
stable
security invoker
set search_path = ''
as $$
declare
  v_value text := nullif(btrim(read_choice.value, e' \t\r\n'), '');
  v_choice text := (
    select words.word
    from unnest(read_choice.choices) as words (word)
    where lower(words.word) = lower(v_value)
  );
begin
  if v_value is not null and v_choice is null then
    -- The value is not quoted: it can hold a secret.
    perform monitoring.refuse_request(
      'PT400', read_choice.field || ' is unknown', read_choice.field,
      'Send one of ' || array_to_string(read_choice.choices, ', ') || '.'
    );
  end if;
  return v_choice;
end
$$;

comment on function monitoring.read_choice(text, text, text[]) is
'Returns the choice that an argument names, whatever its case; null when it is missing or blank. Raises PT400 for
others.';

create function monitoring.read_severity(value text)
returns public.incident_severity
language sql
stable
security invoker
set search_path = ''
as $$
  select monitoring.read_choice(
    'severity', read_severity.value, enum_range(null::public.incident_severity)::text[]
  )::public.incident_severity
$$;

comment on function monitoring.read_severity(text) is
'Returns the severity that an argument names, whatever its case; null when it is missing. Raises PT400 for others.';

create function monitoring.read_category(value text)
returns public.incident_category
language sql
stable
security invoker
set search_path = ''
as $$
  select monitoring.read_choice(
    'category', read_category.value, enum_range(null::public.incident_category)::text[]
  )::public.incident_category
$$;

comment on function monitoring.read_category(text) is
'Returns the category that an argument names, whatever its case; null when it is missing. Raises PT400 for others.';

create function monitoring.require_subject()
returns text
language plpgsql
stable
security invoker
set search_path = ''
as $$
begin
  if monitoring.read_role() = 'authenticated' and monitoring.current_caller() not like 'user:%' then
    perform monitoring.refuse_request(
      'PT403', 'the access token names no user', 'Authorization',
      'Use a token with the claim sub, as Supabase Auth issues them: it says whose action this is.'
    );
  end if;
  return monitoring.current_caller();
end
$$;

comment on function monitoring.require_subject() is
'Returns the caller. Raises PT403 for a token of the role authenticated without sub: what belongs to a caller, such as
an action, must not belong to everybody with such a token.';

create function monitoring.lock_incident(incident_id text)
returns public.incidents
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  v_incident public.incidents;
begin
  select incidents.*
  into v_incident
  from public.incidents
  where incidents.id = lock_incident.incident_id
  for no key update;
  if not found then
    perform monitoring.refuse_unknown_incident(lock_incident.incident_id);
  end if;
  return v_incident;
end
$$;

comment on function monitoring.lock_incident(text) is
'Locks an incident until commit and returns it. Raises PT404 when it does not exist.';

create function monitoring.lock_incidents(fingerprints text[])
returns void
language plpgsql
volatile
security invoker
set search_path = ''
set enable_seqscan = off
as $$
begin
  perform
  from public.incidents
  where incidents.id in (
    select found.incident_id
    from monitoring.find_fold_candidates(
      lock_incidents.fingerprints, array_fill(clock_timestamp(), array[cardinality(lock_incidents.fingerprints)])
    ) as found
    union all
    select latest.id
    from unnest(lock_incidents.fingerprints) as wanted (fingerprint)
    cross join lateral (
      select resolved.id
      from public.incidents as resolved
      where resolved.fingerprint = wanted.fingerprint
        and resolved.status = 'resolved'
      order by resolved.resolved_at desc
      limit 1
    ) as latest
  )
  order by incidents.fingerprint, incidents.id
  for no key update;
end
$$;

comment on function monitoring.lock_incidents(text[]) is
'Locks the incidents of these fingerprints that a transaction will change one after the other, in the order of every
other transaction: the live ones, those that a repeat may reopen, and the ones that were resolved last.';
