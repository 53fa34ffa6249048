-- Purpose: provides the incidents of GET /api/autonomous/incidents: filtered, latest opened first, in pages of limited
--   size, with their total.
-- Objects: function public.list_incidents.
-- Risks: security invoker: row-level security decides which incidents the caller reads. The statement is composed of
--   fixed conditions and of words of the enums, as constants, so that the planner finds their partial indexes; other
--   values are passed as parameters. Its order is that of opened_at, which repeats do not change: who pages with next
--   while errors repeat gets each incident, and a page reads as many rows as it has.

create function public.list_incidents(filters jsonb default '{}')
returns json
language plpgsql
stable
security invoker
set search_path = ''
as $$
declare
  c_names constant text[] := array['status', 'severity', 'category', 'source', 'since', 'limit', 'after', 'offset'];
  v_values jsonb := jsonb_build_object('limit', 50, 'offset', 0);
  v_where text := 'true';
  v_name text;
  v_value text;
  v_allowed text[];
  v_reason text;
  v_bytes integer := 0;
  v_incident json;
  v_incidents json[] := array[]::json[];
  v_has_more boolean := false;
  v_total bigint;
begin
  for v_name, v_value in select pairs.key, pairs.value from jsonb_each_text(
    case jsonb_typeof(list_incidents.filters) when 'object' then list_incidents.filters else '{"filters": ""}' end
  ) as pairs loop
    v_allowed := case v_name
      when 'status' then enum_range(null::public.incident_status)::text[]
      when 'severity' then enum_range(null::public.incident_severity)::text[]
      when 'category' then enum_range(null::public.incident_category)::text[]
      else case when v_name <> all(c_names) then c_names end
    end;
    v_value := case when v_name = 'source' then v_value else btrim(v_value, e' \t\r\n') end;
    v_value := coalesce((select word from unnest(v_allowed) as word where lower(word) = lower(v_value)), v_value);
    v_reason := case
      when v_name <> all(c_names) then 'There is no such parameter.'
      when v_value is null then 'It must not be null.'
      when v_value <> all(v_allowed) then 'It must be one of ' || array_to_string(v_allowed, ', ') || '.'
      when v_name = 'source' and length(v_value) not between 1 and 1000 then 'It must be 1 to 1000 characters.'
      when v_name = 'limit' and v_value !~ '^([1-9][0-9]?|1[0-9]{2}|200)$' then 'It must be a number from 1 to 200.'
      when v_name = 'offset' and v_value !~ '^([0-9]{1,4}|10000)$' then 'It must be a number from 0 to 10000.'
      when v_name = 'after' and list_incidents.filters ? 'offset' then 'It must not be sent together with offset.'
      when v_name = 'after' and v_value !~ '^-?[0-9]{1,17}_INC-' then 'It must be next of a page, unchanged.'
    end;
    if v_reason is null and v_name = 'since' then
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
        errcode = 'PT400', detail = v_name, message = format('The parameter %s is invalid. %s', v_name, v_reason),
        hint = coalesce(array_to_string(v_allowed, ', '), 'Correct the parameter, or leave it out.');
    end if;
    v_values := (v_values || jsonb_build_object(v_name, v_value)) - case v_name when 'after' then 'offset' else '' end;
    v_where := v_where || case v_name
      -- last_seen has no index, its hour has one.
      when 'since' then ' and incidents.last_seen >= $1 and incidents.active_hour > $1 - interval ''1 hour'''
      when 'source' then ' and incidents.source = $2 ->> ''source'''
      when 'limit' then '' when 'offset' then '' when 'after' then ''
      else format(' and incidents.%I = %L', v_name, v_value)
    end;
  end loop;
  -- Row by row: 200 incidents may have 20 MB, of which the first MiB is read. One row more tells of another page.
  for v_incident in execute format(
    'select (to_jsonb(incidents) || public.incident_activity(incidents.id) - ''{pace,since,until,is_over}''::text[])::json
     from (select * from public.incidents
       where %s and ($3 is null or (opened_at <= $3 and (opened_at < $3 or id >= $4))) order by opened_at desc, id
       limit ($2 ->> ''limit'')::integer + 1 offset ($2 ->> ''offset'')::integer) as incidents', v_where
  ) using (v_values ->> 'since')::timestamptz, v_values,
    timestamptz '1970-01-01Z' + split_part(v_values ->> 'after', '_', 1)::bigint * interval '1 microsecond',
    substr(v_values ->> 'after', strpos(v_values ->> 'after', '_') + 1)
  loop
    v_bytes := v_bytes + octet_length(v_incident::text);
    v_has_more := cardinality(v_incidents)::text = v_values ->> 'limit'
      or (v_bytes > 1048576 and cardinality(v_incidents) > 0);
    exit when v_has_more;
    v_incidents := v_incidents || v_incident;
  end loop;
  execute format('select count(*) from (select from public.incidents where %s limit 10000) as counted', v_where)
  into v_total using (v_values ->> 'since')::timestamptz, v_values;
  return json_build_object(
    'incidents', v_incidents, 'total', v_total, 'limit', (v_values ->> 'limit')::integer,
    'next', (extract(epoch from case when v_has_more then (v_incident ->> 'opened_at')::timestamptz end) * 1e6)::bigint
      || '_' || (v_incident ->> 'id'),
    'offset', (v_values ->> 'offset')::integer,
    'next_offset', case when v_has_more then (v_values ->> 'offset')::integer + cardinality(v_incidents) end
  );
end
$$;

revoke all on function public.list_incidents(jsonb) from public, anon, authenticated, service_role;

grant execute on function public.list_incidents(jsonb) to authenticated, service_role;

comment on function public.list_incidents(jsonb) is
'Returns a page of incidents, the latest opened or reopened first.

The members are incidents, total, limit, next, offset and next_offset. A page ends at the limit, or earlier before it
exceeds 1 MiB; it has at least one incident. Each incident has its columns and rate and hours, see incident_activity().
next is the cursor of the next page, null on the last one: send it as after. Repeats move no incident, so no page skips
one; what opens or is reopened meanwhile is on the first page. total counts the incidents of all pages; 10000 means as
many or more. next_offset is the offset of the next page; it and offset are null on a page that was read with after.

filters is an object of strings, each optional: status, severity, category, source (exact), since (ISO 8601 time, UTC
unless it names a zone; last seen at or after it), limit (1 to 200, default 50), after (next of the page before), offset
(0 to 10000, default 0; not with after). A wrong filter is rejected with PT400; the detail names it and the hint lists
the allowed values.';
