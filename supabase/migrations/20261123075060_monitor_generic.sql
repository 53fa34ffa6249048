-- Purpose: reads the webhooks of any other monitor, with the mapping of its key in incident_policy.webhook_mappings.
-- Objects: functions monitoring.read_mapped_value, monitoring.read_mapped_text, monitoring.has_word,
--   monitoring.meets_conditions, monitoring.split_generic_delivery, monitoring.find_generic_problem,
--   monitoring.describe_generic_alert, monitoring.read_generic_alert.
-- Risks: texts are untrusted: prepare_event() sanitizes the report. These functions must not raise, whatever the body
--   or the mapping contains. Uses no regular expression and no jsonpath, whose cost a mapping could make large.

create function monitoring.read_mapped_value(path text, item jsonb, body jsonb)
returns text
language sql
immutable
parallel safe
security invoker
set search_path = ''
as $$
  select case
    when jsonb_typeof(found.value) in ('string', 'number', 'boolean')
      then nullif(btrim(left(found.value #>> '{}', 65536), e' \t\r\n'), '')
  end
  from (
    select case
      when starts_with(read_mapped_value.path, '$.')
        then read_mapped_value.body #> string_to_array(substr(read_mapped_value.path, 3), '.')
      else read_mapped_value.item #> string_to_array(read_mapped_value.path, '.')
    end as value
  ) as found
$$;

comment on function monitoring.read_mapped_value(text, jsonb, jsonb) is
'Returns the text, number, true or false at a path in an item, or, if it begins with "$.", in the body. Null for lists,
objects and blank text.';

create function monitoring.read_mapped_text(expressions jsonb, item jsonb, body jsonb)
returns text
language sql
immutable
parallel safe
security invoker
set search_path = ''
as $$
  select found.value
  from jsonb_array_elements_text(
    case jsonb_typeof(read_mapped_text.expressions)
      when 'array' then read_mapped_text.expressions
      when 'string' then jsonb_build_array(read_mapped_text.expressions)
      else '[]'
    end
  ) with ordinality as expressions (expression, position)
  cross join lateral (
    select case
      when strpos(expressions.expression, '{') = 0
        then monitoring.read_mapped_value(expressions.expression, read_mapped_text.item, read_mapped_text.body)
      else (
        select case
          when bool_and(rendered.value is not null)
            then nullif(string_agg(rendered.value, '' order by rendered.position), '')
        end
        from (
          select
            parts.position,
            case
              when parts.position = 1 then parts.part
              else monitoring.read_mapped_value(
                split_part(parts.part, '}', 1), read_mapped_text.item, read_mapped_text.body
              ) || split_part(parts.part, '}', 2)
            end as value
          from unnest(string_to_array(expressions.expression, '{')) with ordinality as parts (part, position)
        ) as rendered
      )
    end as value
  ) as found
  where found.value is not null
  order by expressions.position
  limit 1
$$;

comment on function monitoring.read_mapped_text(jsonb, jsonb, jsonb) is
'Returns what the first of some expressions finds: a path, or a text with paths in braces, all of which must find
something. Null when none does.';

create function monitoring.has_word(words jsonb, word text)
returns boolean
language sql
immutable
parallel safe
security invoker
set search_path = ''
as $$
  select exists (
    select
    from jsonb_array_elements_text(
      case jsonb_typeof(has_word.words) when 'array' then has_word.words else '[]' end
    ) as given (word)
    where lower(given.word) = lower(has_word.word)
  )
$$;

comment on function monitoring.has_word(jsonb, text) is
'Returns whether a list contains a word, in any case. False for other values, and for no word.';

create function monitoring.meets_conditions(conditions jsonb, is_any boolean, item jsonb, body jsonb)
returns boolean
language sql
immutable
parallel safe
security invoker
set search_path = ''
as $$
  select case
    when meets_conditions.is_any then coalesce(bool_or(checked.is_met), false)
    else coalesce(bool_and(checked.is_met), true)
  end
  from (
    select monitoring.has_word(
      conditions.words,
      monitoring.read_mapped_value(conditions.path, meets_conditions.item, meets_conditions.body)
    ) as is_met
    from jsonb_each(
      case jsonb_typeof(meets_conditions.conditions) when 'object' then meets_conditions.conditions else '{}' end
    ) as conditions (path, words)
  ) as checked
$$;

comment on function monitoring.meets_conditions(jsonb, boolean, jsonb, jsonb) is
'Returns whether a webhook has, at each path of an object, one of the words of that path, in any case; is_any: at one
path at least. An empty object has none.';

create function monitoring.split_generic_delivery(name text, body jsonb)
returns table (alert_position integer, alert jsonb)
language plpgsql
stable
security invoker
set search_path = ''
as $$
declare
  c_most constant integer := 200;
  v_path text[] := string_to_array(
    monitoring.read_lenient_text(
      monitoring.config('incident_policy'), 'webhook_mappings', split_generic_delivery.name, 'items'
    ), '.'
  );
  v_items jsonb := split_generic_delivery.body #> v_path;
  v_rest jsonb;
begin
  if jsonb_typeof(v_items) is distinct from 'array' then
    return;
  end if;
  v_rest := split_generic_delivery.body #- v_path;
  if octet_length(v_rest::text) > 16384 then
    v_rest := monitoring.keep_small_members(v_rest, 16384);
  end if;
  return query
  select items.position::integer, jsonb_build_object('item', items.item, 'body', v_rest)
  from jsonb_array_elements(v_items) with ordinality as items (item, position)
  where items.position <= c_most
  order by items.position;
  if jsonb_array_length(v_items) > c_most then
    return query select c_most + 1, jsonb_build_object('omitted', jsonb_array_length(v_items) - c_most);
  end if;
end
$$;

comment on function monitoring.split_generic_delivery(text, jsonb) is
'Returns the items of the list that the mapping names, up to 200 and then how many were omitted: {"item", "body"}, where
body is the rest, up to 16 kB. No row when the mapping names none, or the body has none there.';

create function monitoring.find_generic_problem(name text, mapping jsonb, alert jsonb, item jsonb, body jsonb)
returns text
language plpgsql
stable
security invoker
set search_path = ''
as $$
declare
  v_mapping jsonb := find_generic_problem.mapping;
  v_item jsonb := find_generic_problem.item;
  v_body jsonb := find_generic_problem.body;
  v_field text;
begin
  if jsonb_typeof(v_mapping) is distinct from 'object' then
    return format('incident_policy.webhook_mappings has no mapping %s', find_generic_problem.name);
  elsif v_mapping ? 'items' and find_generic_problem.alert ? 'omitted' then
    return format('only the first 200 items were read: %s are missing', find_generic_problem.alert ->> 'omitted');
  elsif v_mapping ? 'items' and v_item is null then
    return format('it has no list at %s', v_mapping ->> 'items');
  elsif not monitoring.meets_conditions(v_mapping -> 'only_when', false, v_item, v_body) then
    return 'only_when of the mapping does not apply';
  elsif monitoring.meets_conditions(v_mapping -> 'skip_when', true, v_item, v_body) then
    return 'skip_when of the mapping applies';
  end if;
  foreach v_field in array array['fingerprint', 'status'] loop
    if (v_mapping ? v_field or v_field = 'fingerprint')
      and monitoring.read_mapped_text(v_mapping -> v_field, v_item, v_body) is null
    then
      return format('the mapping finds no %s', v_field);
    end if;
  end loop;
  return null;
end
$$;

comment on function monitoring.find_generic_problem(text, jsonb, jsonb, jsonb, jsonb) is
'Returns why an alert requests nothing, as far as the status is not needed to know it, or null.';

create function monitoring.describe_generic_alert(name text, mapping jsonb, item jsonb, body jsonb)
returns jsonb
language plpgsql
stable
security invoker
set search_path = ''
as $$
declare
  v_mapping jsonb := describe_generic_alert.mapping;
  v_found jsonb;
  v_word text;
begin
  v_found := coalesce(nullif(jsonb_strip_nulls(v_mapping -> 'defaults'), 'null'), '{}') || (
    select coalesce(jsonb_object_agg(fields.field, fields.value) filter (where fields.value is not null), '{}')
    from (
      select
        names.field,
        monitoring.read_mapped_text(
          v_mapping -> names.field, describe_generic_alert.item, describe_generic_alert.body
        ) as value
      from unnest(
        array['message', 'type', 'source', 'environment', 'release', 'url', 'status']
      ) as names (field)
    ) as fields
  );
  v_word := monitoring.read_mapped_text(
    v_mapping -> 'severity', describe_generic_alert.item, describe_generic_alert.body
  );
  return jsonb_strip_nulls(jsonb_build_object(
    'error', jsonb_build_object('message', v_found -> 'message', 'type', v_found -> 'type'),
    'source', coalesce(v_found ->> 'source', describe_generic_alert.name),
    'severity', coalesce(
      (
        select severities.severity
        from jsonb_each_text(
          case jsonb_typeof(v_mapping -> 'severities') when 'object' then v_mapping -> 'severities' else '{}' end
        ) as severities (word, severity)
        where lower(severities.word) = lower(v_word)
        limit 1
      ),
      monitoring.read_severity_word(v_word)::text,
      v_found ->> 'severity'
    ),
    'category', v_found ->> 'category',
    'environment', v_found ->> 'environment',
    'release', v_found ->> 'release',
    'url', v_found ->> 'url',
    'context', jsonb_build_object(
      'generic', jsonb_build_object(
        'monitor', describe_generic_alert.name, 'status', v_found ->> 'status', 'severity', v_word
      )
    )
  ));
end
$$;

comment on function monitoring.describe_generic_alert(text, jsonb, jsonb, jsonb) is
'Converts an alert to a report for prepare_event(), with the paths of its mapping, else with its defaults. The source is
the name of the key when neither gives one; the rules decide about a severity that neither gives.';

create function monitoring.read_generic_alert(name text, alert jsonb)
returns monitoring.delivery_intent
language plpgsql
stable
security invoker
set search_path = ''
as $$
declare
  v_name text := read_generic_alert.name;
  v_alert jsonb := read_generic_alert.alert;
  v_mapping jsonb := monitoring.config('incident_policy') -> 'webhook_mappings' -> v_name;
  v_item jsonb := case when v_mapping ? 'items' then v_alert -> 'item' else v_alert end;
  v_body jsonb := case when v_mapping ? 'items' then v_alert -> 'body' else v_alert end;
  v_problem text := monitoring.find_generic_problem(v_name, v_mapping, v_alert, v_item, v_body);
  v_status text := monitoring.read_mapped_text(v_mapping -> 'status', v_item, v_body);
  v_at timestamptz := monitoring.read_timestamp(
    to_jsonb(monitoring.read_mapped_text(v_mapping -> 'timestamp', v_item, v_body))
  );
  v_is_over boolean;
  v_report jsonb;
  v_intent monitoring.delivery_intent;
begin
  if v_problem is not null then
    return monitoring.build_empty_intent(v_problem);
  end if;
  v_is_over := monitoring.has_word(v_mapping -> 'resolved', v_status);
  if not v_is_over and v_mapping ? 'firing' and not monitoring.has_word(v_mapping -> 'firing', v_status) then
    return monitoring.build_empty_intent('its status is in neither firing nor resolved of the mapping: ' || v_status);
  end if;
  v_report := monitoring.describe_generic_alert(v_name, v_mapping, v_item, v_body);
  if v_report #> '{error,message}' is null then
    if not v_is_over then
      return monitoring.build_empty_intent('the mapping finds no message');
    end if;
    v_report := jsonb_set(v_report, '{error,message}', to_jsonb(v_status));
  end if;
  v_intent := monitoring.build_monitor_intent(
    'generic:' || v_name, monitoring.read_mapped_text(v_mapping -> 'fingerprint', v_item, v_body), not v_is_over,
    case when not v_is_over then v_at end, v_at, v_report
  );
  v_intent.external_url := monitoring.read_mapped_text(v_mapping -> 'link', v_item, v_body);
  return v_intent;
end
$$;

comment on function monitoring.read_generic_alert(text, jsonb) is
'Reads an alert of any other monitor with the mapping of its key. A status in resolved resolves the incident of the
fingerprint, any other, or one in firing, opens it or counts one occurrence. An alert requests nothing when there is no
mapping, a condition excludes it, or the mapping finds no fingerprint, status or message.';
