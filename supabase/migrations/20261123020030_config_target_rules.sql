-- Purpose: checks health-check targets and maintenance windows beyond the form of their fields.
-- Objects: functions monitoring.find_heartbeat_problem, monitoring.find_header_name_problem,
--   monitoring.find_header_value_problem, monitoring.find_headers_problem, monitoring.find_header_secret_problem,
--   monitoring.find_request_problem, monitoring.find_status_problem, monitoring.find_json_path_problem,
--   monitoring.find_target_condition_problem, monitoring.find_label_problem, monitoring.find_target_problem,
--   monitoring.follow_dependencies, monitoring.find_targets_problem, monitoring.find_private_target,
--   monitoring.find_window_problem, monitoring.find_window_target_problem, monitoring.find_logo_problem,
--   monitoring.find_page_problem, monitoring.find_health_check_problem.
-- Risks: the trigger on system_config calls these functions; a URL that passes them is probed every minute. Each write
--   checks all targets, up to 10,000, so nothing may look through the list once a target. A field that names a secret
--   can hold the secret itself by mistake, so no sentence quotes it.

create function monitoring.find_heartbeat_problem(target jsonb)
returns text
language plpgsql
stable
strict
security invoker
set search_path = ''
as $$
declare
  v_target jsonb := jsonb_strip_nulls(find_heartbeat_problem.target);
  v_is_heartbeat boolean := coalesce(v_target ->> 'type' = 'heartbeat', false);
  v_unused text[] := case
    when v_is_heartbeat
      then array[
        'url', 'method', 'headers', 'secret_headers', 'body', 'content_type', 'expected_status', 'body_contains',
        'body_lacks', 'jsonb_path', 'header_contains', 'max_response_ms', 'timeout_ms', 'interval_minutes',
        'retry_interval_seconds', 'confirm_from_service', 'failures_to_open', 'successes_to_close'
      ]
    else array['cron', 'period_minutes', 'grace_minutes', 'timezone', 'max_run_minutes', 'check_ins_from']
  end;
  v_field text;
begin
  if v_target ?| v_unused then
    v_field := (
      select fields.field from unnest(v_unused) with ordinality as fields (field, place)
      where v_target ? fields.field
      order by fields.place
      limit 1
    );
  end if;
  return case
    when v_field = 'failures_to_open' and v_is_heartbeat
      then '.failures_to_open is of no use for a heartbeat: remove it, and set grace_minutes, how late one may be'
    when v_field = 'successes_to_close' and v_is_heartbeat
      then '.successes_to_close is of no use for a heartbeat, whose next success resolves its incident: remove it'
    when v_field is not null and v_is_heartbeat
      then format('.%s is of no use for a heartbeat, which is not probed: remove it', v_field)
    when v_field is not null then format('.%s is of no use unless type is heartbeat: remove it', v_field)
    when not v_is_heartbeat then case when not v_target ? 'url' then '.url is missing: URL to probe, http or https' end
    when not v_target ? 'cron' and not v_target ? 'period_minutes'
      then '.cron is missing: a heartbeat needs cron or period_minutes'
    when v_target ? 'cron' and v_target ? 'period_minutes'
      then '.period_minutes cannot be combined with cron: remove one of them'
    else '.cron ' || monitoring.find_cron_problem(v_target ->> 'cron')
  end;
end
$$;

comment on function monitoring.find_heartbeat_problem(jsonb) is
'Returns what is wrong with the fields of a health-check target that only heartbeats or only other targets have, to be
appended to its position in the list, or null.';

create function monitoring.find_header_name_problem(field text, name text)
returns text
language plpgsql
immutable
strict
security invoker
set search_path = ''
as $$
declare
  v_named text := format('.%s.%s', find_header_name_problem.field, find_header_name_problem.name);
begin
  return case
    when find_header_name_problem.name !~ '^[A-Za-z0-9!#$%&''*+.^_`|~-]{1,100}$'
      then format(
        '.%s has a name that HTTP does not allow: %s',
        find_header_name_problem.field,
        left(find_header_name_problem.name, 100)
      )
    when find_header_name_problem.field = 'header_contains' then null
    when lower(find_header_name_problem.name) = 'accept-encoding'
      then v_named || ' asks for a compressed body, which pg_net does not decompress, so that no text would be found in '
        'it: remove the header'
    when lower(find_header_name_problem.name) in (
      'host', 'connection', 'content-length', 'transfer-encoding', 'user-agent'
    )
      then v_named || ' is set by pg_net: remove the header'
  end;
end
$$;

comment on function monitoring.find_header_name_problem(text, text) is
'Returns why a field of a target cannot have a header of this name, to be appended to the position of the target in the
list, or null. The headers of a response may have any name that HTTP allows.';

create function monitoring.find_header_value_problem(field text, name text, value jsonb)
returns text
language plpgsql
stable
strict
security invoker
set search_path = ''
as $$
declare
  v_text text := find_header_value_problem.value #>> '{}';
begin
  return format('.%s.%s ', find_header_value_problem.field, find_header_value_problem.name) || case
    when find_header_value_problem.field = 'secret_headers'
      then monitoring.find_header_secret_problem(find_header_value_problem.value)
    when jsonb_typeof(find_header_value_problem.value) <> 'string' or v_text ~ '[[:cntrl:]]' or length(v_text) > 500
      then 'must be a string of at most 500 characters without control characters'
    when find_header_value_problem.field = 'header_contains'
      then case when v_text = '' then 'is empty, and every header contains that: write the text to find' end
    when monitoring.is_sensitive_key(find_header_value_problem.name)
      or monitoring.sanitize_text(v_text, 4096) <> v_text
      then 'looks like a secret, and the configuration is stored in plain text: store the value as a secret, and name '
        'it in secret_headers'
    when lower(find_header_value_problem.name) = 'content-type' and v_text <> 'application/json'
      then 'must be application/json: remove it, and set content_type next to body'
  end;
end
$$;

comment on function monitoring.find_header_value_problem(text, text, jsonb) is
'Returns what is wrong with the value of a header in headers, secret_headers or header_contains, to be appended to the
position of the target in the list, or null.';

create function monitoring.find_header_secret_problem(secret jsonb)
returns text
language plpgsql
stable
strict
security invoker
set search_path = ''
as $$
declare
  v_name text := find_header_secret_problem.secret #>> '{}';
  v_value text;
begin
  if jsonb_typeof(find_header_secret_problem.secret) <> 'string' or v_name !~ '^[A-Za-z0-9_.-]{1,100}$' then
    return format(
      'must be the name of a secret, of letters, digits, "_", "-" and ".", not its value. Create the secret with %s '
      'and write its name',
      monitoring.describe_secret_creation()
    );
  end if;
  v_value := monitoring.read_secret(v_name);
  return case
    when v_value is null
      then format(
        'names no secret that exists. Create it with %s and write its name, not its value',
        monitoring.describe_secret_creation()
      )
    when btrim(v_value, e' \n\r\t') !~ '^[ -~]+$'
      then 'names a secret whose value is no header: it is empty, or has line breaks or characters beyond ASCII'
  end;
end
$$;

comment on function monitoring.find_header_secret_problem(jsonb) is
'Returns what is wrong with the secret that secret_headers names for a header, as the end of a sentence, or null: its
name has another form, it does not exist, or HTTP does not allow its value. Neither is quoted.';

create function monitoring.find_headers_problem(target jsonb)
returns text
language plpgsql
stable
strict
security invoker
set search_path = ''
as $$
declare
  v_header record;
  v_problem text;
  v_requested text[] := '{}'::text[];
  v_answered text[] := '{}'::text[];
begin
  if not find_headers_problem.target ?| array['headers', 'secret_headers', 'header_contains'] then
    return null;
  end if;
  for v_header in
    select fields.field, header.key, header.value
    from unnest(array['headers', 'secret_headers', 'header_contains']) with ordinality as fields (field, place)
    cross join jsonb_each(coalesce(nullif(find_headers_problem.target -> fields.field, 'null'), '{}')) as header (key, value)
    order by fields.place, header.key
  loop
    v_problem := monitoring.find_header_name_problem(v_header.field, v_header.key);
    if v_problem is not null then
      return v_problem;
    elsif lower(v_header.key) = any(
      case v_header.field when 'header_contains' then v_answered else v_requested end
    ) then
      return format('.%s.%s is there twice: names of headers ignore case, so remove one', v_header.field, v_header.key);
    end if;
    v_problem := monitoring.find_header_value_problem(v_header.field, v_header.key, v_header.value);
    -- A target keeps the secret that it names already: if it was removed, the target can still be paused.
    if v_problem is not null and not exists (
      select
      from monitoring.probe_targets as former
      where v_header.field = 'secret_headers'
        and former.name = find_headers_problem.target ->> 'name'
        and former.secret_headers -> v_header.key = v_header.value
    ) then
      return v_problem;
    end if;
    if v_header.field = 'header_contains' then
      v_answered := v_answered || lower(v_header.key);
    else
      v_requested := v_requested || lower(v_header.key);
    end if;
  end loop;
  return case
    when 'content-type' = any(v_requested) and find_headers_problem.target ->> 'body' is not null
      then '.headers must not have Content-Type beside body: remove it, and set content_type'
  end;
end
$$;

comment on function monitoring.find_headers_problem(jsonb) is
'Returns what is wrong with headers, secret_headers or header_contains of a target, to be appended to its position in
the list, or null. The secrets that the stored target names already may be missing.';

create function monitoring.find_request_problem(target jsonb)
returns text
language plpgsql
stable
strict
security invoker
set search_path = ''
as $$
declare
  v_body text := find_request_problem.target ->> 'body';
  v_type text := coalesce(find_request_problem.target ->> 'content_type', 'application/json');
begin
  return case
    when v_body is null and find_request_problem.target ->> 'content_type' is null then null
    when v_body is null then '.content_type is of no use without body: add body, or remove content_type'
    when coalesce(find_request_problem.target ->> 'method', 'GET') <> 'POST'
      then '.body is sent with the method POST only: set method to POST, or remove body'
    when v_type !~ '^[A-Za-z0-9!#$&^_.+-]+/[A-Za-z0-9!#$&^_.+-]+( ?; ?[A-Za-z0-9!#$&^_.+-]+=("[ !#-~]*"|[!#-~]+))*$'
      then '.content_type must be a media type such as application/json or text/plain; charset=utf-8'
    when v_type ~* '^application/([^;/]+[+])?json *(;|$)' and not monitoring.is_valid_input(v_body, 'json')
      then format(
        '.body is no JSON, although content_type is %s: correct body, or set content_type, such as text/plain', v_type
      )
  end;
end
$$;

comment on function monitoring.find_request_problem(jsonb) is
'Returns what is wrong with body and content_type of a target, to be appended to its position in the list, or null.';

create function monitoring.find_status_problem(target jsonb)
returns text
language plpgsql
immutable
strict
security invoker
set search_path = ''
as $$
declare
  -- Redirects are followed, and interim responses are never the last one.
  c_redirects constant int4multirange := '{[301,304),[307,309)}'::int4multirange;
  c_interim constant int4multirange := '{[100,200)}'::int4multirange;
  c_empty constant int4multirange := '{[204,206),[304,305)}'::int4multirange;
  v_statuses jsonb := find_status_problem.target -> 'expected_status';
  v_status record;
begin
  for v_status in
    select
      items.item,
      items.position - 1 as place,
      int4range(left(items.item, 3)::integer, right(items.item, 3)::integer, '[]') as codes
    from jsonb_array_elements_text(v_statuses) with ordinality as items (item, position)
  loop
    if v_status.codes <@ c_redirects then
      return format(
        '.expected_status[%s] is %s, and no check ends with it, because redirects are followed: write the status of the '
        'page that they lead to, such as 200',
        v_status.place, v_status.item
      );
    elsif v_status.codes <@ c_interim then
      return format(
        '.expected_status[%s] is %s, which is never the last response: write the status that follows, such as 200',
        v_status.place, v_status.item
      );
    end if;
  end loop;
  return case
    when not monitoring.read_statuses(v_statuses) <@ c_empty then null
    when find_status_problem.target ->> 'body_contains' is not null
      then '.body_contains cannot be met: responses with the statuses in expected_status have no body'
    when find_status_problem.target ->> 'jsonb_path' is not null
      then '.jsonb_path cannot be met: responses with the statuses in expected_status have no body'
  end;
end
$$;

comment on function monitoring.find_status_problem(jsonb) is
'Returns which status code or range in expected_status of a target no check can end with, or which condition on the body
contradicts them, to be appended to its position in the list, or null.';

create function monitoring.find_json_path_problem(json_path text)
returns text
language plpgsql
stable
strict
security invoker
set search_path = ''
as $$
declare
  v_result jsonb;
begin
  -- A predicate returns one boolean for any document, or null where it cannot be decided; a path returns what it finds.
  v_result := jsonb_path_query_array('{}', find_json_path_problem.json_path::jsonpath, '{}', true);
  return case
    when strpos(find_json_path_problem.json_path, '$') = 0
      then 'does not look at the body: begin with $, such as $.status == "ok"'
    when jsonb_array_length(v_result) <> 1 or jsonb_typeof(v_result -> 0) not in ('boolean', 'null')
      then 'finds a value, but says nothing about it: write a comparison, such as $.status == "ok", '
        '$.queue.size() < 100 or exists($.version)'
  end;
exception
  when undefined_object then
    return 'must not use variables: write the value itself, such as $.status == "ok"';
  when syntax_error or data_exception or feature_not_supported then
    return format('is no valid SQL/JSON path (%s): write one such as $.status == "ok"', left(sqlerrm, 200));
end
$$;

comment on function monitoring.find_json_path_problem(text) is
'Returns why a text cannot be the condition jsonb_path, as the end of a sentence, or null: it is no SQL/JSON path, or
none that is true or false.';

create function monitoring.find_target_condition_problem(target jsonb)
returns text
language plpgsql
stable
strict
security invoker
set search_path = ''
as $$
declare
  v_target jsonb := find_target_condition_problem.target;
begin
  return coalesce(
    case when v_target ->> 'expected_status' is not null then monitoring.find_status_problem(v_target) end,
    case
      when strpos(v_target ->> 'body_contains', v_target ->> 'body_lacks') > 0
        then '.body_lacks is part of body_contains, so no response meets both: correct one of them'
    end,
    '.jsonb_path ' || monitoring.find_json_path_problem(v_target ->> 'jsonb_path'),
    case
      when (v_target ->> 'max_response_ms')::integer >= coalesce((v_target ->> 'timeout_ms')::integer, 5000)
        then format(
          '.max_response_ms is never exceeded, as an attempt fails after %s ms (timeout_ms): write fewer, or remove it',
          coalesce(v_target ->> 'timeout_ms', '5000')
        )
    end
  );
end
$$;

comment on function monitoring.find_target_condition_problem(jsonb) is
'Returns which condition of a target no response can meet, or cannot fail, to be appended to its position in the list,
or null.';

create function monitoring.find_label_problem(target jsonb)
returns text
language plpgsql
immutable
strict
security invoker
set search_path = ''
as $$
declare
  c_wrong constant text := '^\s|\s$|[[:cntrl:]]';
  v_tags jsonb := coalesce(nullif(find_label_problem.target -> 'tags', 'null'), '[]');
  v_place bigint;
begin
  if v_tags <> '[]' then
    select min(tags.position) - 1
    into v_place
    from jsonb_array_elements_text(v_tags) with ordinality as tags (tag, position)
    where tags.tag ~ c_wrong
      or length(tags.tag) not between 1 and 50;
  end if;
  return case
    when find_label_problem.target ->> 'name' ~ c_wrong
      then '.name must not begin or end with a space, nor contain control characters'
    when find_label_problem.target ->> 'group' ~ c_wrong
      then '.group must not begin or end with a space, nor contain control characters'
    when v_place is not null
      then format(
        '.tags[%s] must have 1 to 50 characters, not begin or end with a space, nor contain control characters', v_place
      )
  end;
end
$$;

comment on function monitoring.find_label_problem(jsonb) is
'Returns what is wrong with name, group or a tag of a target, to be appended to its position in the list, or null.';

create function monitoring.find_target_problem(target jsonb)
returns text
language plpgsql
stable
strict
security invoker
set search_path = ''
as $$
declare
  v_target jsonb := find_target_problem.target;
  v_problem text := coalesce(
    monitoring.find_label_problem(v_target),
    monitoring.find_heartbeat_problem(v_target),
    case
      when v_target ->> 'paused_until' is not null and (v_target -> 'is_paused' = 'true') is not true
        then '.paused_until is of no use unless is_paused is true: set is_paused to true, or remove paused_until'
    end
  );
begin
  if v_problem is not null or v_target ->> 'type' = 'heartbeat' then
    return v_problem;
  elsif monitoring.find_url_host(v_target ->> 'url') is null then
    return '.url has no usable host: write a name in plain ASCII or an address, and a port up to 65535';
  end if;
  return coalesce(
    monitoring.find_headers_problem(v_target),
    monitoring.find_request_problem(v_target),
    monitoring.find_target_condition_problem(v_target)
  );
end
$$;

comment on function monitoring.find_target_problem(jsonb) is
'Returns what is wrong with one health-check target, to be appended to its position in the list, or null.';

create function monitoring.follow_dependencies(targets jsonb)
returns table (place integer, last_place integer, is_in_cycle boolean)
language plpgsql
immutable
strict
security invoker
set search_path = ''
as $$
declare
  v_parents integer[]; -- place of depends_on, 0 for none
  v_seen integer[]; -- place from which a target was reached first, 0 before
  v_lasts integer[]; -- place of the last target of the chain, 0 before it is known
  v_cycles integer[] := '{}'::integer[];
  v_place integer;
  v_last integer;
begin
  with target as materialized (
    select items.position::integer as position, items.item ->> 'name' as name, items.item ->> 'depends_on' as depends_on
    from jsonb_array_elements(follow_dependencies.targets) with ordinality as items (item, position)
  )

  select array_agg(coalesce(parent.position, 0) order by target.position)
  into v_parents
  from target
  left join (
    select named.name, min(named.position) as position
    from target as named
    group by named.name
  ) as parent on parent.name = target.depends_on;

  v_seen := array_fill(0, array[coalesce(cardinality(v_parents), 0)]);
  v_lasts := v_seen;
  -- Each target is walked through once, however long the chains are.
  for v_start in 1 .. cardinality(v_seen) loop
    v_place := v_start;
    while v_seen[v_place] = 0 and v_parents[v_place] > 0 loop
      v_seen[v_place] := v_start;
      v_place := v_parents[v_place];
    end loop;
    v_last := case v_lasts[v_place] when 0 then v_place else v_lasts[v_place] end;
    if v_lasts[v_place] = 0 and v_parents[v_place] > 0 then
      -- The walk came back to itself.
      loop
        v_cycles := v_cycles || v_place;
        v_place := v_parents[v_place];
        exit when v_place = v_last;
      end loop;
    end if;
    v_place := v_start;
    while v_place > 0 and v_lasts[v_place] = 0 loop
      v_lasts[v_place] := v_last;
      v_place := v_parents[v_place];
    end loop;
  end loop;

  return query
  select followed.position::integer, followed.last_place, cycles.place is not null
  from unnest(v_lasts) with ordinality as followed (last_place, position)
  left join unnest(v_cycles) as cycles (place) on cycles.place = followed.position;
end
$$;

comment on function monitoring.follow_dependencies(jsonb) is
'Returns for each target of a list, by its position from 1, the position of the last target in its chain of depends_on,
which is its own without one, and whether the target is part of a cycle.';

create function monitoring.find_private_target(targets jsonb)
returns text
language sql
immutable
strict
security invoker
set search_path = ''
as $$
  select format(
    'health_check_targets[%s].url is on a private, loopback or link-local address; set health_check_policy.allow_private '
    'to true first',
    min(items.position) - 1
  )
  from jsonb_array_elements(find_private_target.targets) with ordinality as items (item, position)
  where monitoring.is_private_host(monitoring.find_url_host(items.item ->> 'url'))
  having count(*) > 0
$$;

comment on function monitoring.find_private_target(jsonb) is
'Returns which target of a list is on a private address, as a sentence, or null.';

create function monitoring.find_targets_problem(targets jsonb, allow_private boolean)
returns text
language plpgsql
stable
strict
security invoker
set search_path = ''
as $$
declare
  v_problem text;
begin
  if jsonb_array_length(find_targets_problem.targets) > 10000 then
    return 'health_check_targets must hold at most 10,000 targets: remove some, or set up another project for them';
  end if;

  with stored as (
    select distinct items.item
    from public.system_config
    cross join jsonb_array_elements(system_config.value) as items (item)
    where system_config.key = 'health_check_targets'
  ),

  target as materialized (
    select
      items.position,
      items.item,
      items.item ->> 'name' as name,
      items.item ->> 'depends_on' as depends_on,
      count(*) over (partition by lower(items.item ->> 'name')) as namesakes
    from jsonb_array_elements(find_targets_problem.targets) with ordinality as items (item, position)
  ),

  judged as (
    select
      target.position - 1 as place,
      coalesce(
        -- What is stored was checked then, so that a change of one target is fast, and no other target can stop it.
        case when stored.item is null then monitoring.find_target_problem(target.item) end,
        case
          when target.namesakes > 1 then format('.name %s is used more than once: names must be unique', target.name)
          when target.depends_on is not null and parent.name is null
            then format('.depends_on is not the name of a target in the list: %s', target.depends_on)
          when followed.is_in_cycle then format('.depends_on forms a cycle through %s', target.name)
        end
      ) as problem
    from target
    join monitoring.follow_dependencies(find_targets_problem.targets) as followed on followed.place = target.position
    left join (select distinct named.name from target as named) as parent on parent.name = target.depends_on
    left join stored on stored.item = target.item
  )

  select format('health_check_targets[%s]%s', judged.place, judged.problem)
  into v_problem
  from judged
  where judged.problem is not null
  order by judged.place
  limit 1;
  return coalesce(
    v_problem,
    case when not find_targets_problem.allow_private then monitoring.find_private_target(find_targets_problem.targets) end
  );
end
$$;

comment on function monitoring.find_targets_problem(jsonb, boolean) is
'Returns the first problem of a list of health-check targets with well-formed fields, as a sentence, or null. Targets
that are stored already as they are in the list are not checked again one by one.';

create function monitoring.find_window_problem(windows jsonb)
returns text
language sql
immutable
strict
parallel safe
security invoker
set search_path = ''
as $$
  select format('health_check_policy.maintenance_windows[%s] %s', judged.place, judged.problem)
  from (
    select
      items.position - 1 as place,
      case
        when given.fields not in ('ends_at,starts_at', 'days,from,to')
          then 'needs either starts_at and ends_at, for once, or days, from and to, for every week'
        when (items.item ->> 'ends_at')::timestamp <= (items.item ->> 'starts_at')::timestamp
          then 'ends before it starts'
      end as problem
    from jsonb_array_elements(find_window_problem.windows) with ordinality as items (item, position)
    cross join lateral (
      select coalesce(string_agg(fields.key, ',' order by fields.key), '') as fields
      from jsonb_each(items.item) as fields (key, value)
      where fields.key in ('starts_at', 'ends_at', 'days', 'from', 'to')
        and jsonb_typeof(fields.value) <> 'null'
    ) as given
  ) as judged
  where judged.problem is not null
  order by judged.place
  limit 1
$$;

comment on function monitoring.find_window_problem(jsonb) is
'Returns the first problem of a list of maintenance windows, as a sentence, or null: a window that is neither
one-time nor weekly, or that ends before it starts.';

create function monitoring.find_window_target_problem(windows jsonb)
returns text
language plpgsql
stable
strict
security invoker
set search_path = ''
as $$
begin
  return (
    select format(
      'health_check_policy.maintenance_windows[%s].targets has a name that no target in health_check_targets has: %s. '
      'Correct the name, or add the target first',
      items.position - 1, names.name
    )
    from jsonb_array_elements(find_window_target_problem.windows) with ordinality as items (item, position)
    cross join jsonb_array_elements_text(coalesce(nullif(items.item -> 'targets', 'null'), '[]')) as names (name)
    where not exists (select from monitoring.probe_targets where probe_targets.name = names.name)
      -- A window that is stored outlives its targets, so that other windows can be written meanwhile.
      and not exists (
        select
        from public.system_config
        where system_config.key = 'health_check_policy'
          and items.item in (
            select windows.item
            from jsonb_array_elements(nullif(system_config.value -> 'maintenance_windows', 'null')) as windows (item)
          )
      )
    order by items.position, names.name
    limit 1
  );
end
$$;

comment on function monitoring.find_window_target_problem(jsonb) is
'Returns which maintenance window in a list names a target that does not exist, as a sentence, or null. A window that is
stored already may.';

create function monitoring.find_logo_problem(logo text)
returns text
language plpgsql
immutable
strict
parallel safe
security invoker
set search_path = ''
as $$
declare
  v_parts text[] := regexp_match(
    find_logo_problem.logo, '^data:image/(png|jpeg|gif|webp|svg\+xml);base64,([A-Za-z0-9+/]+={0,2})$'
  );
  v_image bytea;
  v_svg text;
begin
  if v_parts is null or length(v_parts[2]) % 4 <> 0 then
    return 'must be a data: URI of a PNG, JPEG, GIF, WebP or SVG image in base64, such as data:image/png;base64,…';
  end if;
  v_image := decode(v_parts[2], 'base64');
  if v_parts[1] = 'svg+xml' then
    -- Bytes beyond ASCII become escapes, so that any content is a text.
    v_svg := encode(v_image, 'escape');
  end if;
  return case
    when case v_parts[1]
      when 'png' then substr(v_image, 1, 8) = '\x89504e470d0a1a0a'
      when 'jpeg' then substr(v_image, 1, 3) = '\xffd8ff'
      when 'gif' then substr(v_image, 1, 4) = '\x47494638'
      when 'webp' then substr(v_image, 1, 4) = '\x52494646' and substr(v_image, 9, 4) = '\x57454250'
      else v_svg ~ '^\s*<(svg|[?]xml|!--)' and v_svg ~ '<svg[\s/>]'
    end is not true then 'is no image of the type that it names: encode the file again'
    -- Browsers run no script of an image, but somebody may open the image on its own.
    when v_svg ~* (
      '<([^\s<>/:]+:)?(script|foreignobject|iframe|object|embed)|<!doctype|<!entity|&#|\son[a-z]+\s*=\s*["'']|javascript:'
      -- A link can be changed later, and escapes of other encodings hide in words.
      '|attributename\s*=\s*["'']\s*([a-z]+:)?href|[\x01-\x08\x0b\x0c\x0e-\x1f]|@import|(href\s*=|url\()(?![\s"'']*(#|data:image/))'
    )
      then 'must be an SVG image without scripts, links and other files: save it as a plain SVG, or use a PNG'
  end;
end
$$;

comment on function monitoring.find_logo_problem(text) is
'Returns why a text cannot be the logo of the status page, as the end of a sentence, or null. The text is not quoted.';

create function monitoring.find_page_problem(policy jsonb)
returns text
language plpgsql
immutable
strict
parallel safe
security invoker
set search_path = ''
as $$
declare
  v_title text := find_page_problem.policy ->> 'page_title';
begin
  return case
    when v_title ~ '^\s|\s$|[[:cntrl:]]' or not monitoring.is_one_line(v_title) or btrim(v_title) = ''
      then 'health_check_policy.page_title must not begin or end with a space, nor contain control characters or '
        'invisible ones'
    else 'health_check_policy.page_logo ' || monitoring.find_logo_problem(find_page_problem.policy ->> 'page_logo')
  end;
end
$$;

comment on function monitoring.find_page_problem(jsonb) is
'Returns what is wrong with the title or the logo of the status page in health_check_policy, as a sentence, or null.';

create function monitoring.find_health_check_problem(entry text, value jsonb)
returns text
language plpgsql
stable
strict
security invoker
set search_path = ''
as $$
declare
  v_allow_private boolean;
  v_windows jsonb;
begin
  if find_health_check_problem.entry = 'health_check_targets' then
    v_allow_private := coalesce((monitoring.config('health_check_policy') ->> 'allow_private')::boolean, false);
    return monitoring.find_targets_problem(find_health_check_problem.value, v_allow_private);
  elsif find_health_check_problem.entry = 'health_check_policy' then
    v_windows := nullif(find_health_check_problem.value -> 'maintenance_windows', 'null');
    return coalesce(
      monitoring.find_window_problem(v_windows),
      monitoring.find_window_target_problem(v_windows),
      monitoring.find_page_problem(find_health_check_problem.value),
      (
        select 'health_check_policy.allow_private is needed: ' || monitoring.find_private_target(system_config.value)
        from public.system_config
        where system_config.key = 'health_check_targets'
          and (find_health_check_problem.value -> 'allow_private' = 'true') is not true
      )
    );
  end if;
  return null;
end
$$;

comment on function monitoring.find_health_check_problem(text, jsonb) is
'Returns what is wrong with a health-check entry with well-formed fields, as a sentence, or null.';
