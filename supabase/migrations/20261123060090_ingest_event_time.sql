-- Purpose: decides when a reported error occurred.
-- Objects: functions monitoring.parse_timestamp, monitoring.choose_time, monitoring.read_event_time.
-- Risks: a sender may be wrong about the time, or lie: it is believed for the 24 hours before the receipt, which only
--   the service tells. A later time would hide what follows, an earlier one would change statistics that are closed.

create function monitoring.parse_timestamp(value jsonb)
returns timestamptz
language plpgsql
stable
security invoker
set search_path = ''
set timezone = 'UTC'
as $$
declare
  v_text text := case
    when jsonb_typeof(parse_timestamp.value) in ('string', 'number')
      then btrim(left(parse_timestamp.value #>> '{}', 60), e' \t\r\n')
  end;
  v_seconds double precision;
begin
  if v_text = '' or length(v_text) > 40 then
    return null;
  elsif translate(v_text, '0123456789.', '') = '' and monitoring.is_valid_input(v_text, 'double precision') then
    v_seconds := v_text::double precision;
    v_seconds := case when v_seconds > 1e11 then v_seconds / 1000 else v_seconds end;
    return case when v_seconds between 946684800 and 4102444800 then to_timestamp(v_seconds) end;
  elsif v_text like '____-__-__%' and monitoring.is_valid_input(v_text, 'timestamptz') then
    return v_text::timestamptz;
  end if;
  return null;
end
$$;

comment on function monitoring.parse_timestamp(jsonb) is
'Returns a time given in ISO 8601, in UTC unless it names a zone, or as seconds or milliseconds since 1970. Null when it
is anything else, such as a number of seconds before 2000 or after 2099.';

create function monitoring.choose_time(claimed_at timestamptz, received_at timestamptz)
returns timestamptz
language sql
immutable
parallel safe
security invoker
set search_path = ''
as $$
  select case
    when choose_time.claimed_at between choose_time.received_at - interval '24 hours'
    and choose_time.received_at + interval '5 minutes'
      then choose_time.claimed_at
  end
$$;

comment on function monitoring.choose_time(timestamptz, timestamptz) is
'Returns the time at which something happened according to its sender if it is believed: at most 24 hours before it was
received, or 5 minutes after, because clocks differ. Else null.';

create function monitoring.read_event_time(event jsonb, received_at timestamptz)
returns timestamptz
language plpgsql
stable
security invoker
set search_path = ''
as $$
begin
  if not read_event_time.event ? 'timestamp' then
    return null;
  end if;
  return monitoring.choose_time(
    monitoring.parse_timestamp(read_event_time.event -> 'timestamp'), read_event_time.received_at
  );
end
$$;

comment on function monitoring.read_event_time(jsonb, timestamptz) is
'Returns the timestamp of an event, see parse_timestamp() and choose_time(). Null when it is missing, invalid or not
believed: the event then counts as of its receipt, because no error report is worth losing for its clock.';
