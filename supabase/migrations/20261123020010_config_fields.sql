-- Purpose: declares the fields of each configuration entry as rows, and checks a value against them.
-- Objects: table monitoring.config_field; functions monitoring.is_known_timezone, monitoring.is_valid_list,
--   monitoring.find_value_problem, monitoring.find_config_problem, monitoring.find_nested_problem.
-- Risks: a field without a row is rejected. The rows are in the file config_field_rows.

create table monitoring.config_field (
  entry text not null,
  field text not null,
  kind text not null,
  minimum numeric,
  maximum numeric,
  choices text[],
  is_required boolean not null default false,
  default_value jsonb,
  meaning text not null,
  primary key (entry, field),
  constraint kind_is_known check (
    kind in (
      'boolean', 'integer', 'number', 'text', 'choice', 'interval', 'url', 'email', 'timezone', 'date', 'time',
      'timestamp', 'statuses', 'strings', 'hosts', 'dates', 'objects', 'object', 'expressions'
    )
  ),
  constraint only_choices_list_their_values check ((kind in ('choice', 'strings')) or choices is null),
  constraint required_fields_have_no_default check (not is_required or default_value is null)
);

alter table monitoring.config_field enable row level security;

create policy config_field_is_read_by_nobody on monitoring.config_field
for select to authenticated
using (false);

revoke all on table monitoring.config_field from public, anon, authenticated, service_role;

comment on table monitoring.config_field is
'Fields of each system_config entry: one row per field. Fields of nested objects are listed under entry.field.';

comment on column monitoring.config_field.entry is
'Key of system_config, or entry.field for the objects inside an entry.';

comment on column monitoring.config_field.field is 'Name of the field in the JSON object.';

comment on column monitoring.config_field.kind is 'Type of the value, see monitoring.find_value_problem().';

comment on column monitoring.config_field.minimum is 'Smallest number, or smallest number of items or characters.';

comment on column monitoring.config_field.maximum is 'Largest number, or largest number of items or characters.';

comment on column monitoring.config_field.choices is 'Allowed words of a choice, or of each string in a list.';

comment on column monitoring.config_field.is_required is 'Whether the field is required.';

comment on column monitoring.config_field.default_value is
'Value that monitoring.config() returns when the field is missing.';

comment on column monitoring.config_field.meaning is
'Description of the field, with its unit. Shown when a value is rejected.';

create function monitoring.is_known_timezone(name text)
returns boolean
language plpgsql
stable
strict
security invoker
set search_path = ''
as $$
begin
  return case
    when is_known_timezone.name = 'UTC' then true
    -- pg_timezone_names reads all files of timezones, which takes 50 ms. With a digit it could be any rule of POSIX.
    when is_known_timezone.name ~ '^[A-Za-z_]+(/[A-Za-z_]+)+$'
      then monitoring.is_valid_input(is_known_timezone.name, 'timezone')
    else exists (
      select
      from pg_catalog.pg_timezone_names as timezones
      where timezones.name = is_known_timezone.name
    )
  end;
end
$$;

comment on function monitoring.is_known_timezone(text) is
'Returns whether a text is the name of a timezone, such as UTC or Europe/Berlin.';

create function monitoring.is_valid_list(value jsonb, kind text, choices text[])
returns boolean
language plpgsql
stable
security invoker
set search_path = ''
as $$
begin
  if jsonb_typeof(is_valid_list.value) <> 'array' then
    return false;
  end if;
  return case is_valid_list.kind
    when 'statuses' then not exists (
      select
      from jsonb_array_elements_text(is_valid_list.value) as items (item)
      where item is null or item !~ '^[1-5]\d\d(-[1-5]\d\d)?$' or left(item, 3) > right(item, 3)
    )
    when 'strings' then not exists (
      select
      from jsonb_array_elements(is_valid_list.value) as items (item)
      where jsonb_typeof(item) <> 'string' or item #>> '{}' <> all(is_valid_list.choices)
    )
    when 'hosts' then not exists (
      select
      from jsonb_array_elements(is_valid_list.value) as items (item)
      where jsonb_typeof(item) <> 'string'
        or item #>> '{}' !~ '^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?[.])+[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(:[0-9]{1,5})?$'
    )
    when 'dates' then not exists (
      select
      from jsonb_array_elements(is_valid_list.value) as items (item)
      where monitoring.find_value_problem(item, 'date', null, null, null) is not null
    )
  end;
end
$$;

comment on function monitoring.is_valid_list(jsonb, text, text[]) is
'Returns whether a value is a list of status codes and ranges, of strings, of host names or of dates, as kind says.';

create function monitoring.find_value_problem(
  value jsonb, kind text, minimum numeric, maximum numeric, choices text[]
)
returns text
language plpgsql
stable
security invoker
set search_path = ''
as $$
declare
  v_text text := find_value_problem.value #>> '{}';
  v_is_text boolean := jsonb_typeof(find_value_problem.value) = 'string';
  v_is_valid boolean;
  v_size numeric;
begin
  if find_value_problem.kind = 'expressions' then
    return monitoring.find_expressions_problem(find_value_problem.value);
  end if;
  v_is_valid := case
    when find_value_problem.kind in ('statuses', 'strings', 'hosts', 'dates')
      then monitoring.is_valid_list(find_value_problem.value, find_value_problem.kind, find_value_problem.choices)
    when find_value_problem.kind = 'objects' then jsonb_typeof(find_value_problem.value) = 'array'
    when find_value_problem.kind = 'object' then jsonb_typeof(find_value_problem.value) = 'object'
    when find_value_problem.kind = 'boolean' then jsonb_typeof(find_value_problem.value) = 'boolean'
    when find_value_problem.kind = 'integer' then jsonb_typeof(find_value_problem.value) = 'number' and v_text ~ '^-?[0-9]{1,12}$'
    when find_value_problem.kind = 'number' then jsonb_typeof(find_value_problem.value) = 'number'
    when find_value_problem.kind = 'choice' then v_is_text and v_text = any(find_value_problem.choices)
    when find_value_problem.kind = 'interval' then v_is_text and monitoring.is_valid_input(v_text, 'interval')
    when find_value_problem.kind = 'url' then v_is_text and v_text ~ '^https?://[^\s/?#@[:cntrl:]]+([/?#][^\s[:cntrl:]]*)?$'
    when find_value_problem.kind = 'email' then v_is_text and v_text ~ '^[^@\s]+@[^@\s]+\.[^@\s]+$'
    when find_value_problem.kind = 'timezone' then v_is_text and monitoring.is_known_timezone(v_text)
    when find_value_problem.kind = 'date' then v_is_text and v_text ~ '^\d{4}-\d\d-\d\d$' and monitoring.is_valid_input(v_text, 'date')
    when find_value_problem.kind = 'time' then v_is_text and v_text ~ '^\d\d:\d\d$' and monitoring.is_valid_input(v_text, 'time')
    when find_value_problem.kind = 'timestamp' then v_is_text
      and v_text ~ '^\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d)?$' and monitoring.is_valid_input(v_text, 'timestamp')
    else v_is_text
  end;
  if not coalesce(v_is_valid, false) then
    return 'must be ' || case find_value_problem.kind
      when 'boolean' then 'true or false'
      when 'integer' then 'a whole number'
      when 'number' then 'a number'
      when 'choice' then 'one of ' || array_to_string(find_value_problem.choices, ', ')
      when 'interval' then 'an interval such as "24 hours"'
      when 'url' then 'an http or https URL without user name, password or control characters'
      when 'email' then 'an e-mail address'
      when 'timezone' then 'a timezone such as "Europe/Berlin"'
      when 'date' then 'a date as YYYY-MM-DD'
      when 'time' then 'a time as HH:MM'
      when 'timestamp' then 'a time as YYYY-MM-DDTHH:MM'
      when 'statuses' then 'a list of status codes and ranges such as [200, "300-399"]'
      when 'strings' then 'a list of ' || coalesce(array_to_string(find_value_problem.choices, ', '), 'strings')
      when 'hosts' then 'a list of host names in lower case such as ["sentry.io", "sentry.example.com:9000"]'
      when 'dates' then 'a list of dates as YYYY-MM-DD'
      when 'objects' then 'a list of objects'
      when 'object' then 'an object'
      else 'a string'
    end;
  end if;

  v_size := case
    when find_value_problem.kind in ('integer', 'number') then v_text::numeric
    when find_value_problem.kind = 'interval' then extract(epoch from v_text::interval)
    when jsonb_typeof(find_value_problem.value) = 'array' then jsonb_array_length(find_value_problem.value)
    when v_is_text then length(v_text)
  end;
  if v_size < find_value_problem.minimum or v_size > find_value_problem.maximum then
    return format('must be between %s and %s', find_value_problem.minimum, find_value_problem.maximum) || case
      when find_value_problem.kind = 'interval' then ' seconds long'
      when find_value_problem.kind in ('strings', 'hosts', 'dates', 'objects', 'statuses') then ' items long'
      when find_value_problem.kind in ('integer', 'number') then ''
      else ' characters long'
    end;
  end if;
  return null;
end
$$;

comment on function monitoring.find_value_problem(jsonb, text, numeric, numeric, text[]) is
'Returns what is wrong with one value of a configuration entry, as the end of a sentence, or null when it is valid.';

create function monitoring.find_config_problem(entry text, value jsonb, path text)
returns text
language plpgsql
stable
strict
security invoker
set search_path = ''
as $$
declare
  v_field record;
  v_unknown text;
  v_problem text;
begin
  if jsonb_typeof(find_config_problem.value) <> 'object' then
    return format('%s must be a JSON object', find_config_problem.path);
  end if;

  v_unknown := (
    select given.key
    from jsonb_object_keys(find_config_problem.value) as given (key)
    where not exists (
      select
      from monitoring.config_field
      where config_field.entry = find_config_problem.entry
        and config_field.field = given.key
    )
    limit 1
  );
  if v_unknown is not null then
    return (
      select
        format('%s.%s is unknown; the known fields are %s', find_config_problem.path, v_unknown, known.fields)
      from (
        select string_agg(config_field.field, ', ' order by config_field.field) as fields
        from monitoring.config_field
        where config_field.entry = find_config_problem.entry
      ) as known
    );
  end if;

  for v_field in
    select
      config_field.*,
      find_config_problem.value -> config_field.field as given
    from monitoring.config_field
    where config_field.entry = find_config_problem.entry
      -- A list may have 10,000 objects: only what they contain, or lack, is looked at.
      and (config_field.is_required or find_config_problem.value ? config_field.field)
    order by config_field.field
  loop
    if v_field.given is null or jsonb_typeof(v_field.given) = 'null' then
      continue when not v_field.is_required;
      return format('%s.%s is missing: %s', find_config_problem.path, v_field.field, v_field.meaning);
    end if;
    v_problem := monitoring.find_value_problem(
      v_field.given, v_field.kind, v_field.minimum, v_field.maximum, v_field.choices
    );
    if v_problem is not null then
      return format('%s.%s %s (%s)', find_config_problem.path, v_field.field, v_problem, v_field.meaning);
    end if;
    continue when jsonb_typeof(v_field.given) not in ('object', 'array');
    v_problem := monitoring.find_nested_problem(
      v_field.entry || '.' || v_field.field, v_field.given, format('%s.%s', find_config_problem.path, v_field.field)
    );
    if v_problem is not null then
      return v_problem;
    end if;
  end loop;
  return null;
end
$$;

comment on function monitoring.find_config_problem(text, jsonb, text) is
'Returns the first problem of an object in a configuration entry, as a sentence that names the field, or null.';

create function monitoring.find_nested_problem(entry text, value jsonb, path text)
returns text
language plpgsql
stable
strict
security invoker
set search_path = ''
as $$
declare
  v_item record;
  v_problem text;
begin
  -- The fields of some objects are free, such as the headers of a target.
  if not exists (select from monitoring.config_field where config_field.entry = find_nested_problem.entry) then
    return null;
  elsif jsonb_typeof(find_nested_problem.value) = 'object' then
    return monitoring.find_config_problem(
      find_nested_problem.entry, find_nested_problem.value, find_nested_problem.path
    );
  end if;
  for v_item in
    select items.item, items.position
    from jsonb_array_elements(find_nested_problem.value) with ordinality as items (item, position)
  loop
    v_problem := monitoring.find_config_problem(
      find_nested_problem.entry, v_item.item, format('%s[%s]', find_nested_problem.path, v_item.position - 1)
    );
    if v_problem is not null then
      return v_problem;
    end if;
  end loop;
  return null;
end
$$;

comment on function monitoring.find_nested_problem(text, jsonb, text) is
'Returns the first problem of an object inside a configuration entry, or of the objects in a list, as a sentence, or
null. An object whose fields are not listed in monitoring.config_field may have any.';
