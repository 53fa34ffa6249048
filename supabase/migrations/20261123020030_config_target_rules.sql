-- Purpose: checks health-check targets and maintenance windows beyond the form of their fields.
-- Objects: functions monitoring.find_heartbeat_problem, monitoring.find_target_problem,
--   monitoring.find_targets_problem, monitoring.find_window_problem, monitoring.find_health_check_problem.
-- Risks: the trigger on system_config calls these functions; a URL that passes them is probed every minute.

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
  v_field text;
begin
  select fields.field
  into v_field
  from unnest(
    case
      when v_is_heartbeat
        then array[
          'url', 'method', 'headers', 'expected_status', 'body_contains', 'max_response_ms', 'timeout_ms',
          'interval_minutes'
        ]
      else array['cron', 'period_minutes', 'grace_minutes', 'timezone', 'max_run_minutes', 'check_ins_from']
    end
  ) as fields (field)
  where v_target ? fields.field
  limit 1;
  return case
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

create function monitoring.find_target_problem(target jsonb)
returns text
language plpgsql
stable
strict
security invoker
set search_path = ''
as $$
declare
  v_header record;
  v_problem text := monitoring.find_heartbeat_problem(find_target_problem.target);
begin
  if find_target_problem.target ->> 'name' ~ '^\s|\s$|[[:cntrl:]]' then
    return '.name must not begin or end with a space, nor contain control characters';
  elsif v_problem is not null then
    return v_problem;
  elsif find_target_problem.target ->> 'type' = 'heartbeat' then
    return null;
  elsif monitoring.find_url_host(find_target_problem.target ->> 'url') is null then
    return '.url has no usable host: write a name in plain ASCII or an address, and a port up to 65535';
  elsif coalesce(jsonb_typeof(find_target_problem.target -> 'headers'), 'null') = 'null' then
    return null;
  end if;

  for v_header in
    select header.key, header.value #>> '{}' as value, jsonb_typeof(header.value) as kind
    from jsonb_each(find_target_problem.target -> 'headers') as header (key, value)
  loop
    if v_header.key !~ '^[A-Za-z0-9!#$%&''*+.^_`|~-]{1,100}$' then
      return format('.headers has a name that HTTP does not allow: %s', left(v_header.key, 100));
    elsif v_header.kind <> 'string' or v_header.value ~ '[[:cntrl:]]' or length(v_header.value) > 500 then
      return format('.headers.%s must be a string of at most 500 characters without control characters', v_header.key);
    elsif monitoring.is_sensitive_key(v_header.key)
      or monitoring.sanitize_text(v_header.value, 4096) <> v_header.value
    then
      return format('.headers.%s looks like a secret, and the configuration is stored in plain text', v_header.key);
    elsif lower(v_header.key) in ('host', 'connection', 'content-length', 'transfer-encoding') then
      return format('.headers.%s is set by pg_net', v_header.key);
    elsif lower(v_header.key) = 'content-type' and v_header.value <> 'application/json' then
      return format('.headers.%s must be application/json: pg_net sends nothing else', v_header.key);
    end if;
  end loop;
  return null;
end
$$;

comment on function monitoring.find_target_problem(jsonb) is
'Returns what is wrong with one health-check target, to be appended to its position in the list, or null.';

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
  if jsonb_array_length(find_targets_problem.targets) > 2000 then
    return 'health_check_targets must hold at most 2,000 targets: pg_net sends about 200 a second';
  end if;

  with recursive target as materialized (
    select
      items.position - 1 as place,
      items.item,
      items.item ->> 'name' as name,
      items.item ->> 'depends_on' as depends_on,
      count(*) over (partition by lower(items.item ->> 'name')) as namesakes
    from jsonb_array_elements(find_targets_problem.targets) with ordinality as items (item, position)
  ),

  chain as (
    select target.place, target.name as first_name, target.depends_on as next_name
    from target
    where target.depends_on is not null
    union
    select chain.place, chain.first_name, target.depends_on
    from chain
    join target on target.name = chain.next_name
    where chain.next_name <> chain.first_name
  ),

  judged as (
    select
      target.place,
      coalesce(
        monitoring.find_target_problem(target.item),
        case
          when target.namesakes > 1 then format('.name %s is used more than once: names must be unique', target.name)
          when target.depends_on is not null and not exists (
            select from target as other where other.name = target.depends_on
          )
            then format('.depends_on is not the name of a target in the list: %s', target.depends_on)
          when exists (
            select from chain where chain.place = target.place and chain.next_name = target.name
          )
            then format('.depends_on forms a cycle through %s', target.name)
          when not find_targets_problem.allow_private
            and target.item ->> 'url' is not null
            and monitoring.is_private_host(monitoring.find_url_host(target.item ->> 'url'))
            then '.url is on a private, loopback or link-local address; set health_check_policy.allow_private to true first'
        end
      ) as problem
    from target
  )

  select format('health_check_targets[%s]%s', judged.place, judged.problem)
  into v_problem
  from judged
  where judged.problem is not null
  order by judged.place
  limit 1;
  return v_problem;
end
$$;

comment on function monitoring.find_targets_problem(jsonb, boolean) is
'Returns the first problem of a list of health-check targets with well-formed fields, as a sentence, or null.';

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
  v_targets jsonb;
begin
  if find_health_check_problem.entry = 'health_check_targets' then
    v_allow_private := coalesce((monitoring.config('health_check_policy') ->> 'allow_private')::boolean, false);
    return monitoring.find_targets_problem(find_health_check_problem.value, v_allow_private);
  elsif find_health_check_problem.entry = 'health_check_policy' then
    v_allow_private := coalesce((find_health_check_problem.value ->> 'allow_private')::boolean, false);
    v_targets := (
      select system_config.value from public.system_config where system_config.key = 'health_check_targets'
    );
    return coalesce(
      monitoring.find_window_problem(nullif(find_health_check_problem.value -> 'maintenance_windows', 'null')),
      'health_check_policy.allow_private is needed: ' || monitoring.find_targets_problem(v_targets, v_allow_private)
    );
  end if;
  return null;
end
$$;

comment on function monitoring.find_health_check_problem(text, jsonb) is
'Returns what is wrong with a health-check entry with well-formed fields, as a sentence, or null.';
