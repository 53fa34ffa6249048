-- Purpose: validates arguments and raises errors for the RPCs of agents and people.
-- Objects: functions monitoring.refuse_request, monitoring.read_required_text, monitoring.read_required_line,
--   monitoring.lock_incident.
-- Risks: text from agents is untrusted: it must pass read_required_text() or sanitize_text() before it is stored.

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
    -- format() keeps the planner from evaluating the message as a constant, which would raise at planning.
    message = format('%s', refuse_request.message),
    detail = coalesce(refuse_request.field, ''),
    hint = coalesce(refuse_request.remedy, '');
end
$$;

comment on function monitoring.refuse_request(text, text, text, text) is
'Raises a PT code, such as PT404, which PostgREST returns as HTTP status 404. detail is the name of the field.';

create function monitoring.read_required_text(field text, value text, max_bytes integer)
returns text
language plpgsql
stable
security invoker
set search_path = ''
as $$
declare
  v_text text := nullif(
    btrim(monitoring.sanitize_text(read_required_text.value, read_required_text.max_bytes), e' \t\r\n'), ''
  );
begin
  if v_text is null then
    perform monitoring.refuse_request(
      'PT400', read_required_text.field || ' is missing', read_required_text.field, 'Send a string that is not blank.'
    );
  end if;
  return v_text;
end
$$;

comment on function monitoring.read_required_text(text, text, integer) is
'Returns an argument, sanitized and truncated to max_bytes. Raises PT400 when it is missing or blank.';

create function monitoring.read_required_line(field text, value text, max_bytes integer)
returns text
language sql
stable
security invoker
set search_path = ''
as $$
  -- Before, so that hidden characters alone count as blank; after, because the note of a truncated text has a line of
  -- its own.
  select monitoring.join_lines(
    monitoring.read_required_text(
      read_required_line.field, monitoring.join_lines(read_required_line.value), read_required_line.max_bytes
    )
  )
$$;

comment on function monitoring.read_required_line(text, text, integer) is
'Returns an argument that is a name or a subject, as read_required_text() does, and on one line.';

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
  for update;
  if not found then
    perform monitoring.refuse_request(
      'PT404', format('there is no incident %s', lock_incident.incident_id), 'incident_id',
      'An id looks like INC-1001; GET /rest/v1/open_incidents lists them.'
    );
  end if;
  return v_incident;
end
$$;

comment on function monitoring.lock_incident(text) is
'Locks an incident until commit and returns it. Raises PT404 when it does not exist.';
