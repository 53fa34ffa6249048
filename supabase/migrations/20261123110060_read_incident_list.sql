-- Purpose: provides the incidents of GET /api/autonomous/incidents: filtered, most recent first, in pages of
--   limited size, with their total.
-- Objects: function public.list_incidents.
-- Risks: security invoker: row-level security decides which incidents the caller reads. The statement is composed of
--   fixed conditions; values are passed as parameters.

create function public.list_incidents(filters jsonb default '{}')
returns json
language plpgsql
stable
security invoker
set search_path = ''
as $$
declare
  v_names constant text[] := array['status', 'severity', 'category', 'source', 'since', 'limit', 'offset'];
  v_values jsonb := jsonb_build_object('limit', 50, 'offset', 0);
  v_where text := 'true';
  v_name text;
  v_value text;
  v_allowed text[];
  v_reason text;
  v_bytes integer := 0;
  v_incident json;
  v_incidents json[] := array[]::json[];
  v_total bigint;
  v_end bigint;
begin
  for v_name, v_value in
    select pairs.key, pairs.value
    from jsonb_each_text(
      case when jsonb_typeof(list_incidents.filters) = 'object' then list_incidents.filters else '{"filters": ""}' end
    ) as pairs
  loop
    v_allowed := case v_name
      when 'status' then enum_range(null::public.incident_status)::text[]
      when 'severity' then enum_range(null::public.incident_severity)::text[]
      when 'category' then enum_range(null::public.incident_category)::text[]
    end;
    v_reason := null;
    v_value := case when v_name = 'source' then v_value else btrim(v_value, e' \t\r\n') end;
    if array_position(v_names, v_name) is null then
      v_reason := 'There is no such parameter.';
      v_allowed := v_names;
    elsif v_value is null then
      v_reason := 'It must not be null.';
    elsif v_allowed is not null then
      v_value := (select words.word from unnest(v_allowed) as words (word) where lower(words.word) = lower(v_value));
      if v_value is null then
        v_reason := 'It must be one of ' || array_to_string(v_allowed, ', ') || '.';
      end if;
    elsif v_name = 'source' and length(v_value) not between 1 and 1000 then
      v_reason := 'It must be 1 to 1000 characters.';
    elsif v_name = 'limit' and (v_value !~ '^[0-9]{1,9}$' or v_value::integer not between 1 and 200) then
      v_reason := 'It must be a whole number from 1 to 200.';
    elsif v_name = 'offset' and (v_value !~ '^[0-9]{1,9}$' or v_value::integer > 1000000) then
      v_reason := 'It must be a whole number from 0 to 1000000.';
    elsif v_name = 'since' then
      -- A plus sign that was not percent-encoded arrives as a space: 2026-01-31T10:00:00 02:00.
      v_value := replace(regexp_replace(v_value, '(T.*) ', '\1+'), ',', '.');
      v_value := substring(
        v_value
        from '(?i)^[0-9]{4}-?[0-9]{2}-?[0-9]{2}(?:[T ][0-9]{2}:?[0-9]{2}(?::?[0-9]{2}(?:[.][0-9]{1,9})?)?'
        '(?:Z|[+-][0-9]{2}(?::?[0-9]{2})?)?)?$'
      ) || case when v_value ~* '(?:Z|T.*[+-][0-9:]+)$' then '' else ' UTC' end;
      v_reason := 'It must be an ISO 8601 time such as 2026-01-31T10:00:00Z.';
      begin
        v_reason := case when v_value::timestamptz is null then v_reason end;
      exception
        when data_exception then
          null;
      end;
    end if;
    if v_reason is not null then
      v_name := coalesce(substring(v_name from '^[A-Za-z_-]{1,40}$'), '…'); -- it can hold a secret
      raise exception using
        errcode = 'PT400',
        message = format('The parameter %s is invalid. %s', v_name, v_reason),
        detail = v_name,
        hint = coalesce(array_to_string(v_allowed, ', '), 'Correct the parameter, or leave it out.');
    end if;
    v_values := v_values || jsonb_build_object(v_name, v_value);
    v_where := v_where || case v_name
      when 'since' then ' and incidents.last_seen >= ($1 ->> ''since'')::timestamptz'
      when 'source' then ' and incidents.source = $1 ->> ''source'''
      when 'limit' then '' when 'offset' then ''
      else format(' and incidents.%I = ($1 ->> %L)::public.incident_%s', v_name, v_name, v_name)
    end;
  end loop;
  -- Row by row: 200 incidents may have 20 MB, of which only the first MiB is read.
  for v_incident in execute format(
    'select (to_jsonb(incidents) || public.incident_activity(incidents.id) - array[''since'', ''until''])::json
     from (select * from public.incidents where %s order by last_seen desc, id
       limit ($1 ->> ''limit'')::integer offset ($1 ->> ''offset'')::integer) as incidents', v_where
  ) using v_values loop
    v_bytes := v_bytes + octet_length(v_incident::text);
    exit when v_bytes > 1048576 and cardinality(v_incidents) > 0;
    v_incidents := v_incidents || v_incident;
  end loop;
  execute format('select count(*) from public.incidents where %s', v_where) into v_total using v_values;
  v_end := (v_values ->> 'offset')::bigint + cardinality(v_incidents);
  return json_build_object(
    'incidents', v_incidents, 'total', v_total, 'limit', (v_values ->> 'limit')::integer,
    'offset', (v_values ->> 'offset')::integer, 'next_offset', case when v_end < v_total then v_end end
  );
end
$$;

revoke all on function public.list_incidents(jsonb) from public, anon, authenticated, service_role;

grant execute on function public.list_incidents(jsonb) to authenticated, service_role;

comment on function public.list_incidents(jsonb) is
'Returns a page of incidents, most recent first.

The members are incidents, total (without limit and offset), limit, offset and next_offset. A page ends at the limit,
or earlier before it exceeds 1 MiB; it has at least one incident. Each incident has its columns and rate and hours, see
incident_activity(). next_offset is the offset of the next page, null on
the last one.

filters is an object of strings, each optional: status, severity, category, source (exact), since (ISO 8601 time, UTC unless it
names a zone; last seen at or after it), limit (1 to 200, default 50), offset (default 0). A wrong filter is rejected with
PT400; the detail names it and the hint lists the allowed values.';
