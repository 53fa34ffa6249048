-- Purpose: declares the fields of each configuration entry as rows, and checks a value against them.
-- Objects: table monitoring.config_field; functions monitoring.find_value_problem, monitoring.find_config_problem.
-- Risks: a field without a row here is rejected: insert its row before anything reads it.

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
      'timestamp', 'statuses', 'strings', 'hosts', 'dates', 'objects', 'object'
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

insert into monitoring.config_field (entry, field, kind, minimum, maximum, choices, is_required, default_value, meaning)
values
('kill_switch', 'enabled', 'boolean', null, null, null, true, null, 'true stops every action of agents'),
('kill_switch', 'reason', 'text', 0, 500, null, false, null, 'why the switch is on'),
('feature_flags', 'monitoring', 'boolean', null, null, null, false, 'true', 'false stops the health-check rounds'),
('feature_flags', 'auto_fix', 'boolean', null, null, null, false, 'false', 'true lets agents apply known fixes'),
('feature_flags', 'email', 'boolean', null, null, null, false, 'false', 'true queues e-mails to the recipients'),
('feature_flags', 'investigate', 'boolean', null, null, null, false, 'true', 'true lets agents investigate incidents'),
('feature_flags', 'deploy', 'boolean', null, null, null, false, 'false', 'true lets agents deploy and roll back'),
(
  'feature_flags', 'embeddings', 'boolean', null, null, null, false, 'false',
  'true computes embeddings of known errors with embeddings_url'
),
(
  'feature_flags', 'embeddings_url', 'url', 1, 2000, null, false, null,
  'URL of an OpenAI-compatible endpoint, such as https://api.openai.com/v1/embeddings'
),
(
  'feature_flags', 'embeddings_model', 'text', 1, 200, null, false, '"text-embedding-3-small"',
  'model of the endpoint, with 1,536 dimensions'
),
(
  'rate_limits', 'new_incidents_per_minute', 'integer', 1, 1000000, null, false, '5000',
  'new incidents per sender and minute; repeats are never limited'
),
(
  'rate_limits', 'agent_actions_per_hour', 'integer', 0, 100000, null, false, '60',
  'actions that one caller may start per hour'
),
(
  'rate_limits', 'all_agent_actions_per_hour', 'integer', 0, 100000, null, false, '200',
  'actions that all callers together may start per hour'
),
('deployment_windows', 'timezone', 'timezone', null, null, null, false, '"UTC"', 'timezone of the windows and dates'),
(
  'deployment_windows', 'windows', 'objects', 0, 50, null, false, '[]',
  'when agents may deploy; an empty list means at any time'
),
('deployment_windows', 'freeze_dates', 'dates', 0, 366, null, false, '[]', 'dates on which agents may not deploy'),
(
  'deployment_windows.windows', 'days', 'strings', 1, 7, array['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'],
  true, null, 'days of the week'
),
('deployment_windows.windows', 'from', 'time', null, null, null, true, null, 'start, as HH:MM'),
('deployment_windows.windows', 'to', 'time', null, null, null, true, null, 'end, as HH:MM'),
('health_check_targets', 'name', 'text', 1, 100, null, true, null, 'name of the target, unique'),
(
  'health_check_targets', 'type', 'choice', null, null, enum_range(null::public.target_type)::text[],
  true, null, 'type of the target; decides the category and severity of its incidents'
),
('health_check_targets', 'url', 'url', 1, 2000, null, true, null, 'URL to probe, http or https'),
('health_check_targets', 'enabled', 'boolean', null, null, null, false, 'true', 'false pauses the target'),
(
  'health_check_targets', 'public', 'boolean', null, null, null, false, 'false',
  'true shows the target on the public status page'
),
(
  'health_check_targets', 'method', 'choice', null, null, array['GET', 'POST'], false, '"GET"',
  'HTTP method of the probe'
),
(
  'health_check_targets', 'headers', 'object', null, null, null, false, '{}',
  'headers of the request, without secrets, because they are stored in plain text'
),
(
  'health_check_targets', 'expected_status', 'statuses', 1, 50, null, false, '["200-399"]',
  'status codes of a successful response, each a code or a range'
),
(
  'health_check_targets', 'body_contains', 'text', 1, 200, null, false, null,
  'text that the first MiB of a successful response contains'
),
(
  'health_check_targets', 'max_response_ms', 'integer', 1, 60000, null, false, null,
  'milliseconds above which a successful response is degraded'
),
(
  'health_check_targets', 'timeout_ms', 'integer', 100, 5000, null, false, '5000',
  'timeout of an attempt in milliseconds'
),
(
  'health_check_targets', 'depends_on', 'text', 1, 100, null, false, null,
  'name of a target; while that target is down, this one opens no incident'
),
(
  'health_check_targets', 'interval_minutes', 'integer', 1, 1440, null, false, '1',
  'minutes between two rounds'
),
(
  'health_check_policy', 'attempts', 'integer', 1, 5, null, false, '3',
  'attempts in a round before a failure counts'
),
(
  'health_check_policy', 'successes_to_close', 'integer', 1, 60, null, false, '2',
  'consecutive successful rounds that resolve the incident of a target'
),
(
  'health_check_policy', 'allow_private', 'boolean', null, null, null, false, 'false',
  'true allows targets on private, loopback and link-local addresses'
),
(
  'health_check_policy', 'maintenance_windows', 'objects', 0, 100, null, false, '[]',
  'when failures open no incident and do not count as downtime'
),
(
  'health_check_policy.maintenance_windows', 'starts_at', 'timestamp', null, null, null, false, null,
  'start of a one-time window, as YYYY-MM-DDTHH:MM'
),
(
  'health_check_policy.maintenance_windows', 'ends_at', 'timestamp', null, null, null, false, null,
  'end of a one-time window, as YYYY-MM-DDTHH:MM'
),
(
  'health_check_policy.maintenance_windows', 'days', 'strings', 1, 7,
  array['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'], false, null, 'days on which a weekly window starts'
),
(
  'health_check_policy.maintenance_windows', 'from', 'time', null, null, null, false, null,
  'start of a weekly window, as HH:MM'
),
(
  'health_check_policy.maintenance_windows', 'to', 'time', null, null, null, false, null,
  'end of a weekly window, as HH:MM; a time not later than from is on the next day'
),
(
  'health_check_policy.maintenance_windows', 'timezone', 'timezone', null, null, null, false, '"UTC"',
  'timezone of the window'
),
(
  'health_check_policy.maintenance_windows', 'targets', 'strings', 1, 2000, null, false, null,
  'names of the targets in the window; missing means all targets'
),
(
  'health_check_policy.maintenance_windows', 'reason', 'text', 0, 500, null, false, null,
  'reason of the maintenance'
),
(
  'health_check_policy.maintenance_windows', 'muted_by', 'text', 1, 200, null, false, null,
  'who muted the target with mute_target(), which removes the window after its end'
),
(
  'incident_policy', 'reopen_window', 'interval', 0, 31536000, null, false, '"24 hours"',
  'time after the resolution in which a repeat reopens the incident; later repeats open a new one'
),
(
  'incident_policy', 'auto_fix_min_confidence', 'number', 0, 1, null, false, '0.8',
  'minimum confidence with which an agent may apply a fix, 0 to 1'
),
(
  'incident_policy', 'security_min_confidence', 'number', 0, 1, null, false, '0.7',
  'confidence from which a security event opens an incident, 0 to 1'
),
(
  'incident_policy', 'action_deadline_minutes', 'integer', 1, 1440, null, false, '30',
  'minutes after which an agent''s running action counts as failed'
),
(
  'incident_policy', 'feed_silence_hours', 'number', 0.01, 8760, null, false, null,
  'hours without a delivery from Sentry after which an incident opens; missing means never'
),
(
  'incident_policy', 'link_hosts', 'hosts', 0, 50, null, false, '["sentry.io"]',
  'hosts, with their subdomains, to which links of incidents may lead'
),
('retention', 'agent_actions_days', 'integer', 1, 3650, null, false, '365', 'days that audit rows are kept'),
('retention', 'monitoring_checks_days', 'integer', 1, 3650, null, false, '90', 'days that raw checks are kept'),
(
  'retention', 'target_history_days', 'integer', 1, 3650, null, false, '1095',
  'days that the hourly statistics of each target are kept'
),
('retention', 'job_runs_days', 'integer', 1, 365, null, false, '7', 'days that pg_cron''s own log is kept'),
(
  'retention', 'sentry_deliveries_days', 'integer', 1, 3650, null, false, '30',
  'days that deliveries from Sentry are kept'
),
('retention', 'receipts_hours', 'integer', 1, 720, null, false, '24', 'hours that idempotency keys are remembered'),
('notification_recipients', 'email', 'email', 3, 320, null, true, null, 'address of the recipient'),
(
  'notification_recipients', 'min_severity', 'choice', null, null, array['LOW', 'MEDIUM', 'HIGH', 'CRITICAL'],
  false, '"HIGH"', 'minimum severity of the incidents that the recipient is notified of'
);

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
  v_is_valid := case find_value_problem.kind
    when 'boolean' then jsonb_typeof(find_value_problem.value) = 'boolean'
    when 'integer' then jsonb_typeof(find_value_problem.value) = 'number' and v_text ~ '^-?[0-9]{1,12}$'
    when 'number' then jsonb_typeof(find_value_problem.value) = 'number'
    when 'choice' then v_is_text and v_text = any(find_value_problem.choices)
    when 'interval' then v_is_text and pg_input_is_valid(v_text, 'interval')
    when 'url' then v_is_text and v_text ~ '^https?://[^\s/?#@[:cntrl:]]+([/?#][^\s[:cntrl:]]*)?$'
    when 'email' then v_is_text and v_text ~ '^[^@\s]+@[^@\s]+\.[^@\s]+$'
    when 'timezone' then v_is_text and exists (
      select from pg_catalog.pg_timezone_names as timezones where timezones.name = v_text
    )
    when 'date' then v_is_text and v_text ~ '^\d{4}-\d\d-\d\d$' and pg_input_is_valid(v_text, 'date')
    when 'time' then v_is_text and v_text ~ '^\d\d:\d\d$' and pg_input_is_valid(v_text, 'time')
    when 'timestamp' then v_is_text
      and v_text ~ '^\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d)?$' and pg_input_is_valid(v_text, 'timestamp')
    when 'statuses' then jsonb_typeof(find_value_problem.value) = 'array' and not exists (
      select
      from jsonb_array_elements_text(find_value_problem.value) as items (item)
      where item is null or item !~ '^[1-5]\d\d(-[1-5]\d\d)?$' or left(item, 3) > right(item, 3)
    )
    when 'strings' then jsonb_typeof(find_value_problem.value) = 'array' and not exists (
      select
      from jsonb_array_elements(find_value_problem.value) as items (item)
      where jsonb_typeof(item) <> 'string' or item #>> '{}' <> all(find_value_problem.choices)
    )
    when 'hosts' then jsonb_typeof(find_value_problem.value) = 'array' and not exists (
      select
      from jsonb_array_elements(find_value_problem.value) as items (item)
      where jsonb_typeof(item) <> 'string'
        or item #>> '{}' !~ '^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?[.])+[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(:[0-9]{1,5})?$'
    )
    when 'dates' then jsonb_typeof(find_value_problem.value) = 'array' and not exists (
      select
      from jsonb_array_elements(find_value_problem.value) as items (item)
      where monitoring.find_value_problem(item, 'date', null, null, null) is not null
    )
    when 'objects' then jsonb_typeof(find_value_problem.value) = 'array'
    when 'object' then jsonb_typeof(find_value_problem.value) = 'object'
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
  v_item record;
  v_problem text;
begin
  if jsonb_typeof(find_config_problem.value) <> 'object' then
    return format('%s must be a JSON object', find_config_problem.path);
  end if;

  select
    format('%s.%s is unknown; the known fields are %s', find_config_problem.path, given.key, known.fields)
  into v_problem
  from jsonb_object_keys(find_config_problem.value) as given (key)
  cross join (
    select string_agg(config_field.field, ', ' order by config_field.field) as fields
    from monitoring.config_field
    where config_field.entry = find_config_problem.entry
  ) as known
  where not exists (
    select
    from monitoring.config_field
    where config_field.entry = find_config_problem.entry
      and config_field.field = given.key
  )
  limit 1;
  if v_problem is not null then
    return v_problem;
  end if;

  for v_field in
    select
      config_field.*,
      find_config_problem.value -> config_field.field as given
    from monitoring.config_field
    where config_field.entry = find_config_problem.entry
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
    if v_field.kind = 'objects' then
      for v_item in
        select items.item, items.position
        from jsonb_array_elements(v_field.given) with ordinality as items (item, position)
      loop
        v_problem := monitoring.find_config_problem(
          v_field.entry || '.' || v_field.field,
          v_item.item,
          format('%s.%s[%s]', find_config_problem.path, v_field.field, v_item.position - 1)
        );
        if v_problem is not null then
          return v_problem;
        end if;
      end loop;
    end if;
  end loop;
  return null;
end
$$;

comment on function monitoring.find_config_problem(text, jsonb, text) is
'Returns the first problem of an object in a configuration entry, as a sentence that names the field, or null.';
