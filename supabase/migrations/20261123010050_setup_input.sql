-- Purpose: says whether a text can be cast, as pg_input_is_valid() does, which PostgreSQL 15 lacks.
-- Objects: function monitoring.is_valid_input.
-- Risks: its handler starts a subtransaction. It writes nothing, so the subtransaction has no id and costs about a
--   microsecond; but none can start in a parallel query, so no caller may be parallel safe.

create function monitoring.is_valid_input(value text, kind text)
returns boolean
language plpgsql
stable
strict
security invoker
set search_path = ''
as $$
begin
  case is_valid_input.kind
    when 'date' then perform is_valid_input.value::date;
    when 'double precision' then perform is_valid_input.value::double precision;
    when 'inet' then perform is_valid_input.value::inet;
    when 'interval' then perform is_valid_input.value::interval;
    when 'json' then perform is_valid_input.value::json;
    when 'time' then perform is_valid_input.value::time;
    when 'timestamp' then perform is_valid_input.value::timestamp;
    when 'timestamptz' then perform is_valid_input.value::timestamptz;
    when 'timezone' then perform now() at time zone is_valid_input.value;
  end case;
  return true;
exception
  when data_exception then
    return false;
end
$$;

comment on function monitoring.is_valid_input(text, text) is
'Returns whether a text can be cast to date, double precision, inet, interval, json, time, timestamp or timestamptz,
or is a timezone, for which kind is timezone. Null if it is null. Another type raises an error.';
