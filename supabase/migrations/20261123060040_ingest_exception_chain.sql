-- Purpose: finds the root cause in a chain of exceptions, so that it names, classifies and groups the incident.
-- Objects: functions monitoring.read_exception, monitoring.find_cause, monitoring.read_printed_chain,
--   monitoring.resolve_exception_chain, monitoring.list_causes.
-- Risks: these functions read untrusted documents: they must not raise, and follow at most 16 causes.

create function monitoring.read_exception(item jsonb)
returns jsonb
language sql
immutable
parallel safe
security invoker
set search_path = ''
as $$
  select case jsonb_typeof(read_exception.item)
    when 'string' then jsonb_build_object('message', read_exception.item)
    -- A member of another type would make the report invalid; the whole cause is kept in the context.
    when 'object' then read_exception.item - array[
      case when jsonb_typeof(read_exception.item -> 'stack') <> 'string' then 'stack' end,
      case when jsonb_typeof(read_exception.item -> 'code') not in ('string', 'number') then 'code' end
    ] || jsonb_strip_nulls(jsonb_build_object(
      'message', coalesce(
        read_exception.item ->> 'message', read_exception.item ->> 'msg', read_exception.item ->> 'value',
        read_exception.item ->> 'type', read_exception.item ->> 'name'
      ),
      'type', coalesce(read_exception.item ->> 'type', read_exception.item ->> 'name', read_exception.item ->> 'class')
    ))
  end
$$;

comment on function monitoring.read_exception(jsonb) is
'Returns a cause as an error with message and type: an object as serializers of JavaScript, Python, Java and .NET write
it, or a text. Null for anything else.';

create function monitoring.find_cause(error jsonb)
returns jsonb
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $$
declare
  v_list jsonb;
  v_cause jsonb;
begin
  if not find_cause.error ?| array[
    'cause', 'errors', 'exceptions', '__cause__', '__context__', 'innerException', 'InnerException', 'inner_exception', 'previous'
  ] then
    return null;
  end if;
  v_cause := coalesce(
    nullif(find_cause.error -> 'cause', 'null'),
    nullif(find_cause.error -> '__cause__', 'null'),
    nullif(find_cause.error -> 'innerException', 'null'),
    nullif(find_cause.error -> 'InnerException', 'null'),
    nullif(find_cause.error -> 'inner_exception', 'null'),
    nullif(find_cause.error -> 'previous', 'null'),
    case when find_cause.error -> '__suppress_context__' is distinct from 'true' then nullif(find_cause.error -> '__context__', 'null') end
  );
  if v_cause is null then
    v_list := coalesce(find_cause.error -> 'exceptions', find_cause.error -> 'errors');
    if jsonb_typeof(v_list) = 'array' then
      v_cause := v_list -> 0;
      -- A list of invalid fields is no group of exceptions.
      if not concat_ws(' ', find_cause.error ->> 'type', find_cause.error ->> 'name')
        like any(array['%Aggregate%', '%Group%', '%Multi%', '%Composite%'])
        and not coalesce(
          v_cause ?| array['type', 'name', 'stack', 'code', 'cause'] and not v_cause ?| array['field', 'path'], false
        ) then
        v_cause := null;
      end if;
    end if;
  end if;
  v_cause := monitoring.read_exception(v_cause);
  return case when btrim(monitoring.strip_controls(v_cause ->> 'message'), e' \t\r\n') <> '' then v_cause end;
end
$$;

comment on function monitoring.find_cause(jsonb) is
'Returns the direct cause of an error: cause (JavaScript), __cause__ or __context__ (Python), innerException (.NET),
previous (PHP), or the first of exceptions (ExceptionGroup) or errors (AggregateError). Null without one.';

create function monitoring.read_printed_chain(trace text)
returns jsonb
language plpgsql
immutable
strict
parallel safe
security invoker
set search_path = ''
as $$
declare
  v_root text collate "C";
  v_type text collate "C";
  v_message text collate "C" := '';
  v_is_traceback boolean;
  v_is_frame boolean := false;
  v_line text;
begin
  if strpos(read_printed_chain.trace, 'Caused by:') = 0
    and strpos(read_printed_chain.trace, '[cause]: ') = 0
    and strpos(read_printed_chain.trace, ' ---> ') = 0
    and strpos(read_printed_chain.trace, 'The above exception was the direct cause of') = 0
    and strpos(read_printed_chain.trace, 'During handling of the above exception') = 0
    and strpos(read_printed_chain.trace, e'\n\nNext ') = 0 then
    return null;
  end if;
  v_root := monitoring.strip_controls(monitoring.extract_root_trace(read_printed_chain.trace));
  v_is_traceback := strpos(v_root, 'Traceback (most recent call last)') > 0;
  if v_is_traceback then
    v_root := split_part(v_root, e'\n  File "', -1);
    v_root := substr(v_root, strpos(v_root || e'\n', e'\n') + 1);
  end if;
  foreach v_line in array (string_to_array(v_root, e'\n'))[1:50] loop
    v_line := rtrim(v_line, e' \t\r');
    -- In a traceback, lines of code precede the error; elsewhere, frames follow it.
    v_is_frame := v_line = '' or case
      when v_is_traceback then v_line like '  %' and v_message = ''
      else ltrim(v_line, e' \t') like any(array['at %', '... %', '#0 %', 'from %', '{main}%', 'Stack trace:%', '--- %'])
    end;
    exit when v_is_frame and v_message <> '';
    continue when v_is_frame;
    -- Rust numbers causes; the last one is the root.
    if ltrim(v_line) like '_: %' and ltrim(v_line) between '0' and ':' then
      v_message := substr(ltrim(v_line), 4);
    else
      v_message := case when v_message = '' then ltrim(v_line) else v_message || e'\n' || v_line end;
    end if;
  end loop;
  v_type := split_part(split_part(v_message, e'\n', 1), ': ', 1);
  if v_type like '_% (%)' then -- .NET: PostgresException (0x80004005)
    v_message := split_part(v_type, ' (', 1) || substr(v_message, length(v_type) + 1);
    v_type := split_part(v_type, ' (', 1);
  end if;
  if v_type <> '' and length(v_type) <= 200 and translate(v_type, e' ()[]{}"''`/,;=', '') = v_type
    and (v_type like any(array['%Error', '%Exception', '%Failure', '%Interrupt', '%Exit', '%Timeout']) or strpos(v_type, '.') > 0) then
    return jsonb_build_object(
      'type', v_type, 'message', coalesce(nullif(btrim(substr(v_message, length(v_type) + 3), e' \t\r\n'), ''), v_type)
    );
  elsif strpos(read_printed_chain.trace, e'Caused by:\n') > 0 and v_message <> '' then
    return jsonb_build_object('message', v_message);
  end if;
  return null;
end
$$;

comment on function monitoring.read_printed_chain(text) is
'Returns type and message of the root cause of a chain of exceptions that is printed in a stack or a message: see
extract_root_trace(). Null for other text.';

create function monitoring.resolve_exception_chain(event jsonb)
returns jsonb
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $$
declare
  c_most_causes constant integer := 16;
  v_error jsonb := resolve_exception_chain.event -> 'error';
  v_root jsonb := v_error;
  v_cause jsonb;
  v_context jsonb := coalesce(nullif(resolve_exception_chain.event -> 'context', 'null'), '{}');
begin
  if jsonb_typeof(v_error) is distinct from 'object' or jsonb_typeof(v_context) <> 'object' then
    return resolve_exception_chain.event;
  end if;
  for v_depth in 1..c_most_causes loop
    v_cause := monitoring.find_cause(v_root);
    exit when v_cause is null;
    v_root := v_cause;
  end loop;
  v_cause := coalesce(
    monitoring.read_printed_chain(v_root ->> 'message'),
    monitoring.read_printed_chain(v_root ->> 'stack')
  );
  if v_cause is not null then
    -- A message that contains the whole trace is the stack as well.
    v_root := jsonb_build_object('stack', v_root -> 'message') || (v_root - array['type', 'code']) || v_cause;
  end if;
  if v_root = v_error then
    return resolve_exception_chain.event;
  elsif jsonb_typeof(v_root -> 'stack') is distinct from 'string' and v_error ? 'stack' then
    v_root := v_root || jsonb_build_object('stack', v_error -> 'stack');
  end if;
  return resolve_exception_chain.event || jsonb_build_object(
    'error', v_root,
    'context', v_context || jsonb_build_object(
      'reported_error',
      case when v_root -> 'stack' = v_error -> 'stack' then v_error - 'stack' else v_error end
    )
  );
end
$$;

comment on function monitoring.resolve_exception_chain(jsonb) is
'Returns an event whose error is the root cause of the reported one, which is kept as context.reported_error. An event
without a chain of exceptions is returned unchanged. Follows at most 16 causes.';

create function monitoring.list_causes(context jsonb, stack text)
returns jsonb
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $$
declare
  c_most_causes constant integer := 16;
  v_error jsonb := list_causes.context -> 'reported_error';
  v_trace text := coalesce(v_error ->> 'stack', list_causes.stack, v_error ->> 'message');
  v_causes jsonb := '[]'::jsonb;
  v_line text;
begin
  while v_error is not null and jsonb_array_length(v_causes) < c_most_causes loop
    v_causes := v_causes || jsonb_strip_nulls(jsonb_build_object(
      'type', left(v_error ->> 'type', 200),
      -- A message can be a whole printed trace, whose lines follow.
      'message', left(split_part(v_error ->> 'message', e'\n', 1), 500)
    ));
    v_error := monitoring.find_cause(v_error);
  end loop;
  foreach v_line in array coalesce((string_to_array(left(v_trace, 65536), e'\n'))[1:1000], '{}') loop
    v_line := btrim(v_line, e' \t\r');
    exit when jsonb_array_length(v_causes) >= c_most_causes;
    if v_line like any(array['Caused by: _%', '[cause]: _%', '---> _%', 'Next _%: _%']) then
      v_causes := v_causes || jsonb_build_object('message', left(v_line, 500));
    end if;
  end loop;
  return v_causes;
end
$$;

comment on function monitoring.list_causes(jsonb, text) is
'Returns the chain of exceptions of an incident, from the reported error towards its root cause, which is the error of
the incident itself: a list of {"type", "message"}, at most 16. Empty without a chain.';
