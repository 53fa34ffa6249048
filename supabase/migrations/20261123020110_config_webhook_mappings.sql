-- Purpose: declares and checks what incident_policy says about webhooks: where those of any other monitor hold the
--   fields of a report, and which of GitHub are deployments of which service.
-- Objects: functions monitoring.find_path_problem, monitoring.find_expression_problem,
--   monitoring.find_expressions_problem, monitoring.find_condition_problem, monitoring.find_mapping_problem,
--   monitoring.find_webhook_problem, monitoring.seed_webhook_fields.
-- Risks: the trigger on system_config calls these functions. Each webhook of a monitor is read with a mapping, so its
--   size and the length of its paths are limited, and it holds no pattern.

create function monitoring.find_path_problem(path text)
returns text
language plpgsql
immutable
security invoker
set search_path = ''
as $$
declare
  v_path text := case
    when starts_with(find_path_problem.path, '$.') then substr(find_path_problem.path, 3) else find_path_problem.path
  end;
  v_members text[] := string_to_array(v_path, '.');
begin
  if coalesce(v_path, '') = '' or '' = any(v_members) then
    return 'has an empty member: write names and positions with dots between them, such as data.alerts.0.status';
  elsif length(v_path) > 200 or cardinality(v_members) > 20 then
    return 'is longer than 200 characters or 20 members';
  elsif v_path ~ '[[:cntrl:]{}]' then
    return 'has a control character or a brace';
  end if;
  return null;
end
$$;

comment on function monitoring.find_path_problem(text) is
'Returns what is wrong with a path into the body of a webhook, as the end of a sentence, or null.';

create function monitoring.find_expression_problem(expression text)
returns text
language plpgsql
immutable
security invoker
set search_path = ''
as $$
declare
  v_parts text[] := string_to_array(find_expression_problem.expression, '{');
  v_part text;
begin
  if strpos(find_expression_problem.expression, '{') = 0 and strpos(find_expression_problem.expression, '}') = 0 then
    return monitoring.find_path_problem(find_expression_problem.expression);
  elsif length(find_expression_problem.expression) > 500 or cardinality(v_parts) > 11 then
    return 'is longer than 500 characters or has more than 10 paths in braces';
  elsif strpos(v_parts[1], '}') > 0 then
    return 'has a brace that is not opened';
  end if;
  foreach v_part in array v_parts[2:] loop
    if cardinality(string_to_array(v_part, '}')) <> 2 then
      return 'needs each path in braces of its own, such as {data.name}';
    elsif monitoring.find_path_problem(split_part(v_part, '}', 1)) is not null then
      return 'has a path in braces that ' || monitoring.find_path_problem(split_part(v_part, '}', 1));
    end if;
  end loop;
  return null;
end
$$;

comment on function monitoring.find_expression_problem(text) is
'Returns what is wrong with where a mapping reads a field: a path, or a text with paths in braces. The end of a
sentence, or null.';

create function monitoring.find_expressions_problem(value jsonb)
returns text
language plpgsql
immutable
security invoker
set search_path = ''
as $$
declare
  v_list jsonb := case jsonb_typeof(find_expressions_problem.value)
    when 'array' then find_expressions_problem.value else jsonb_build_array(find_expressions_problem.value)
  end;
  v_expression jsonb;
begin
  if jsonb_array_length(v_list) not between 1 and 5 then
    return 'must be between 1 and 5 items long';
  end if;
  for v_expression in select items.item from jsonb_array_elements(v_list) as items (item) loop
    if jsonb_typeof(v_expression) <> 'string' then
      return 'must be a path such as data.status, a text with paths in braces, or a list of them';
    elsif monitoring.find_expression_problem(v_expression #>> '{}') is not null then
      return monitoring.find_expression_problem(v_expression #>> '{}');
    end if;
  end loop;
  return null;
end
$$;

comment on function monitoring.find_expressions_problem(jsonb) is
'Returns what is wrong with the value of a field of the kind expressions: one expression or a list of up to 5, of which
the first that finds something counts. The end of a sentence, or null.';

create function monitoring.find_condition_problem(conditions jsonb)
returns text
language plpgsql
immutable
security invoker
set search_path = ''
as $$
declare
  v_condition record;
begin
  if jsonb_typeof(find_condition_problem.conditions) is distinct from 'object' then
    return null; -- missing, or refused by the kind of the field
  end if;
  for v_condition in
    select conditions.path, conditions.words
    from jsonb_each(find_condition_problem.conditions) as conditions (path, words)
  loop
    if monitoring.find_path_problem(v_condition.path) is not null then
      return 'has a path that ' || monitoring.find_path_problem(v_condition.path);
    elsif jsonb_typeof(v_condition.words) <> 'array'
      or jsonb_array_length(v_condition.words) not between 1 and 50
      or exists (
        select from jsonb_array_elements(v_condition.words) as words (word) where jsonb_typeof(words.word) <> 'string'
      )
    then
      return 'must be an object of paths, each with a list of 1 to 50 strings, such as {"data.target": ["production"]}';
    end if;
  end loop;
  return null;
end
$$;

comment on function monitoring.find_condition_problem(jsonb) is
'Returns what is wrong with the conditions of a mapping, as the end of a sentence, or null.';

create function monitoring.find_mapping_problem(mapping jsonb)
returns text
language plpgsql
stable
strict
security invoker
set search_path = ''
as $$
declare
  v_mapping jsonb := jsonb_strip_nulls(find_mapping_problem.mapping);
  v_severities jsonb := coalesce(v_mapping -> 'severities', '{}');
  v_field text;
  v_problem text;
begin
  if octet_length(v_mapping::text) > 8192 then
    return ' is longer than 8,192 bytes';
  elsif v_mapping ? 'status' and not v_mapping ? 'resolved' then
    return '.resolved is missing, which status needs: the words of status that mean that the problem is over';
  elsif not v_mapping ? 'status' and v_mapping ?| array['resolved', 'firing'] then
    return '.status is missing, which resolved and firing need: path of the status';
  elsif v_mapping ? 'items' and (
    starts_with(v_mapping ->> 'items', '$.') or monitoring.find_path_problem(v_mapping ->> 'items') is not null
  ) then
    return '.items must be the path of a list in the body, such as alerts';
  elsif exists (
    select
    from jsonb_each(v_severities) as severities (word, severity)
    where severities.severity <> all(array['"LOW"', '"MEDIUM"', '"HIGH"', '"CRITICAL"']::jsonb[])
  ) then
    return '.severities must give one of LOW, MEDIUM, HIGH, CRITICAL for each word, such as {"p1": "CRITICAL"}';
  end if;
  foreach v_field in array array['only_when', 'skip_when'] loop
    v_problem := format('.%s %s', v_field, monitoring.find_condition_problem(v_mapping -> v_field));
    if monitoring.find_condition_problem(v_mapping -> v_field) is not null then
      return v_problem;
    end if;
  end loop;
  return null;
end
$$;

comment on function monitoring.find_mapping_problem(jsonb) is
'Returns what is wrong with a mapping whose fields are well-formed, to be appended to its name, or null.';

create function monitoring.find_webhook_problem(entry text, value jsonb)
returns text
language plpgsql
stable
strict
security invoker
set search_path = ''
as $$
declare
  v_mappings jsonb := coalesce(nullif(find_webhook_problem.value -> 'webhook_mappings', 'null'), '{}');
  v_services jsonb := coalesce(nullif(find_webhook_problem.value -> 'deployment_services', 'null'), '{}');
  v_mapping record;
  v_path text;
  v_problem text;
begin
  if find_webhook_problem.entry <> 'incident_policy' then
    return null;
  elsif (select count(*) from jsonb_object_keys(v_mappings)) > 50 or octet_length(v_mappings::text) > 65536 then
    return 'incident_policy.webhook_mappings must hold at most 50 mappings, and 65,536 bytes';
  elsif octet_length(v_services::text) > 8192 or exists (
    select
    from jsonb_each(v_services) as services (repository, service)
    where jsonb_typeof(services.service) <> 'string'
      or btrim(services.service #>> '{}') = ''
      or length(services.service #>> '{}') > 200
  ) then
    return 'incident_policy.deployment_services must give the name of a service for each repository, such as '
      '{"acme/shop": "api"}, in at most 8,192 bytes';
  end if;
  for v_mapping in
    select mappings.name, mappings.mapping
    from jsonb_each(v_mappings) as mappings (name, mapping)
  loop
    if v_mapping.name !~ '^[a-z0-9-]{1,40}$' then
      return 'incident_policy.webhook_mappings has a name that is not 1 to 40 lower-case letters, digits and "-": use the '
        'name of the key in GENERIC_KEYS';
    end if;
    v_path := 'incident_policy.webhook_mappings.' || v_mapping.name;
    v_problem := coalesce(
      monitoring.find_config_problem('incident_policy.webhook_mappings.*', v_mapping.mapping, v_path),
      v_path || monitoring.find_mapping_problem(v_mapping.mapping)
    );
    if v_problem is not null then
      return v_problem;
    end if;
  end loop;
  return null;
end
$$;

comment on function monitoring.find_webhook_problem(text, jsonb) is
'Returns what is wrong with the mappings of webhooks and the services of repositories in incident_policy, as a sentence,
or null.';

create function monitoring.seed_webhook_fields()
returns void
language sql
volatile
security invoker
set search_path = ''
as $$
  insert into monitoring.config_field (entry, field, kind, minimum, maximum, choices, is_required, default_value, meaning)
  values
  (
    'incident_policy', 'webhook_mappings', 'object', null, null, null, false, '{}',
    'where the webhooks of each key in GENERIC_KEYS hold the fields of a report, by the name of the key'
  ),
  (
    'incident_policy', 'deployment_workflows', 'strings', 0, 50, null, false, '["deploy", "release"]',
    'words in the names of the GitHub workflows whose runs are deployments'
  ),
  (
    'incident_policy', 'deployment_services', 'object', null, null, null, false, '{}',
    'services that GitHub repositories deploy, by owner/name; missing ones have the name of the repository'
  ),
  (
    'incident_policy.webhook_mappings.*', 'items', 'text', 1, 200, null, false, null,
    'path of a list in the body whose items are one alert each; other paths then begin in the item, or with $. in the body'
  ),
  (
    'incident_policy.webhook_mappings.*', 'fingerprint', 'expressions', 1, 5, null, true, null,
    'what identifies the problem, the same when it is over'
  ),
  ('incident_policy.webhook_mappings.*', 'message', 'expressions', 1, 5, null, true, null, 'message of the incident'),
  ('incident_policy.webhook_mappings.*', 'type', 'expressions', 1, 5, null, false, null, 'type of the error'),
  (
    'incident_policy.webhook_mappings.*', 'status', 'expressions', 1, 5, null, false, null,
    'what says whether the problem begins or is over; missing means that each webhook is a problem'
  ),
  (
    'incident_policy.webhook_mappings.*', 'resolved', 'strings', 1, 50, null, false, null,
    'words of status that mean that the problem is over, in any case'
  ),
  (
    'incident_policy.webhook_mappings.*', 'firing', 'strings', 1, 50, null, false, null,
    'words of status that mean a problem; missing means all that are not in resolved'
  ),
  (
    'incident_policy.webhook_mappings.*', 'severity', 'expressions', 1, 5, null, false, null,
    'word for the severity; missing means that defaults.severity or the rules decide'
  ),
  (
    'incident_policy.webhook_mappings.*', 'severities', 'object', null, null, null, false, null,
    'severity of each word, such as {"p1": "CRITICAL"}; the usual words need none'
  ),
  ('incident_policy.webhook_mappings.*', 'source', 'expressions', 1, 5, null, false, null, 'source of the incident'),
  ('incident_policy.webhook_mappings.*', 'environment', 'expressions', 1, 5, null, false, null, 'environment'),
  ('incident_policy.webhook_mappings.*', 'release', 'expressions', 1, 5, null, false, null, 'release'),
  ('incident_policy.webhook_mappings.*', 'url', 'expressions', 1, 5, null, false, null, 'URL that has the problem'),
  (
    'incident_policy.webhook_mappings.*', 'link', 'expressions', 1, 5, null, false, null,
    'link to the alert at its monitor'
  ),
  (
    'incident_policy.webhook_mappings.*', 'timestamp', 'expressions', 1, 5, null, false, null,
    'time at which the problem began or was over, in ISO 8601, or seconds or milliseconds since 1970'
  ),
  (
    'incident_policy.webhook_mappings.*', 'only_when', 'object', null, null, null, false, null,
    'paths with the words of which each must have one; other webhooks are recorded only'
  ),
  (
    'incident_policy.webhook_mappings.*', 'skip_when', 'object', null, null, null, false, null,
    'paths with the words of which one suffices for a webhook to be recorded only'
  ),
  (
    'incident_policy.webhook_mappings.*', 'defaults', 'object', null, null, null, false, null,
    'values of fields whose paths are missing or find nothing'
  ),
  ('incident_policy.webhook_mappings.*.defaults', 'type', 'text', 1, 200, null, false, null, 'type of the error'),
  ('incident_policy.webhook_mappings.*.defaults', 'source', 'text', 1, 200, null, false, null, 'source of the incident'),
  ('incident_policy.webhook_mappings.*.defaults', 'environment', 'text', 1, 200, null, false, null, 'environment'),
  (
    'incident_policy.webhook_mappings.*.defaults', 'severity', 'choice', null, null,
    array['LOW', 'MEDIUM', 'HIGH', 'CRITICAL'], false, null, 'severity'
  ),
  (
    'incident_policy.webhook_mappings.*.defaults', 'category', 'choice', null, null,
    enum_range(null::public.incident_category)::text[], false, null, 'category'
  )
  on conflict (entry, field) do nothing
$$;

comment on function monitoring.seed_webhook_fields() is
'Inserts the fields of incident_policy about webhooks of other monitors and of GitHub that are missing.';
