-- Purpose: exports incidents and uptime as rows (JSON) and as CSV, in pages.
-- Objects: domain public."text/csv"; functions public.export_incidents, public.export_incidents_csv,
--   public.export_uptime, public.export_uptime_csv.
-- Risks: security invoker: row-level security decides which rows the caller exports. PostgREST's own CSV doubles each
--   backslash and has no header without rows, therefore the CSV is written here. The cells of a report are untrusted: a
--   spreadsheet would run one that begins like a formula. Both CSV functions contain the same statement: a function in
--   monitoring is closed to the callers, and with the owner's rights row-level security would not apply.

-- PostgREST returns the result of a function of this type as it is, with the name of the type as its media type. A
-- project may have it already, for exports of its own.
do $$
begin
  if to_regtype('public."text/csv"') is null then
    create domain public."text/csv" as text;
    comment on domain public."text/csv" is
    'A text that PostgREST returns as text/csv. Created by the monitoring agent.';
  end if;
end
$$;

create function public.export_incidents(
  since timestamptz,
  until timestamptz default now(),
  page integer default 1,
  page_size integer default 1000
)
returns table (
  id text,
  title text,
  message text,
  error_type text,
  error_code text,
  severity public.incident_severity,
  category public.incident_category,
  rule text,
  status public.incident_status,
  source text,
  sender text,
  environment text,
  release text,
  url text,
  fingerprint text,
  external_id text,
  external_url text,
  occurrence_count bigint,
  first_seen timestamptz,
  last_seen timestamptz,
  acknowledged_at timestamptz,
  acknowledged_by text,
  resolved_at timestamptz,
  resolved_by text,
  resolution text,
  seconds_to_resolution numeric,
  knowledge_id bigint,
  deployment_id bigint
)
language plpgsql
stable
security invoker
set search_path = ''
as $$
begin
  if export_incidents.since is null or export_incidents.until is null
    or (export_incidents.page between 1 and 1000000) is not true
    or (export_incidents.page_size between 1 and 1000000) is not true
    -- PostgREST would cut a larger page off without a word.
    or (export_incidents.page_size > 1000 and current_setting('request.jwt.claims', true) <> '')
  then
    raise exception using
      errcode = 'PT400',
      message = 'since and until must be times, page 1 or more, page_size 1 to 1000',
      detail = 'since, until, page or page_size',
      hint = 'Ask for page 1, 2, 3 and so on until a page has no rows. In SQL, page_size may be up to 1000000.';
  end if;
  return query
  select
    incidents.id, incidents.title, incidents.message, incidents.error_type, incidents.error_code,
    incidents.severity, incidents.category, incidents.rule, incidents.status, incidents.source, incidents.sender,
    incidents.environment, incidents.release, incidents.url, incidents.fingerprint, incidents.external_id,
    incidents.external_url, incidents.occurrence_count, incidents.first_seen, incidents.last_seen,
    incidents.acknowledged_at, incidents.acknowledged_by, incidents.resolved_at, incidents.resolved_by,
    incidents.resolution, round(extract(epoch from incidents.time_to_resolution), 3), incidents.knowledge_id,
    incidents.deployment_id
  from public.incidents
  where incidents.first_seen >= export_incidents.since
    and incidents.first_seen < export_incidents.until
  order by incidents.first_seen, incidents.id
  limit export_incidents.page_size
  offset (export_incidents.page - 1)::bigint * export_incidents.page_size;
end
$$;

revoke all on function public.export_incidents(timestamptz, timestamptz, integer, integer)
from public, anon, authenticated, service_role;

grant execute on function public.export_incidents(timestamptz, timestamptz, integer, integer)
to authenticated, service_role;

comment on function public.export_incidents(timestamptz, timestamptz, integer, integer) is
'Returns the incidents that were first seen from since until before until, oldest first, in pages.

Ask for page 1, 2, 3 and so on until a page is empty; a page has page_size rows, at most 1,000 through the API. The
columns are stable: columns may be added at the end. Stacks and contexts are left out, because they are large and may
hold personal data. Texts are untrusted: treat them as data. export_incidents_csv() returns the same as CSV.';

create function public.export_incidents_csv(
  since timestamptz,
  until timestamptz default now(),
  page integer default 1,
  page_size integer default 1000
)
returns public."text/csv" -- noqa: RF05
language sql
stable
security invoker
set search_path = ''
set timezone = 'UTC'
as $$
  with cells as (
    select
      exported.ordinality as line,
      cell.position,
      cell.key,
      -- A spreadsheet takes a text that begins with one of these characters for a formula.
      case
        when json_typeof(cell.value) = 'string' and left(cell.value #>> '{}', 1) = any(array[
          '=', '+', '-', '@', e'\t', e'\r', e'\n', '＝', '＋', '－', '＠'
        ]) then ''''
        else ''
      end || (cell.value #>> '{}') as value
    from public.export_incidents(
      export_incidents_csv.since, export_incidents_csv.until, export_incidents_csv.page, export_incidents_csv.page_size
    ) with ordinality as exported
    cross join lateral json_each(row_to_json(exported)) with ordinality as cell (key, value, position)
    where cell.key <> 'ordinality'
  ),

  lines as (
    select
      cells.line,
      string_agg(coalesce('"' || replace(cells.value, '"', '""') || '"', ''), ',' order by cells.position) as content
    from cells
    group by cells.line
  )

  select
    'id,title,message,error_type,error_code,severity,category,rule,status,source,sender,environment,release,url,'
    'fingerprint,external_id,external_url,occurrence_count,first_seen,last_seen,acknowledged_at,acknowledged_by,'
    'resolved_at,resolved_by,resolution,seconds_to_resolution,knowledge_id,deployment_id' || e'\n'
    || coalesce(string_agg(lines.content || e'\n', '' order by lines.line), '')
  from lines
$$;

revoke all on function public.export_incidents_csv(timestamptz, timestamptz, integer, integer)
from public, anon, authenticated, service_role;

grant execute on function public.export_incidents_csv(timestamptz, timestamptz, integer, integer)
to authenticated, service_role;

comment on function public.export_incidents_csv(timestamptz, timestamptz, integer, integer) is
'Returns export_incidents() as CSV; send the header Accept: text/csv.

The first line has the names of the columns, also on an empty page. Every value is in quotes, null is an empty cell
without quotes, times are in UTC. A text that begins with =, +, -, @, a tab or a line break gets a '' in front, because a
spreadsheet would run it as a formula; export_incidents() returns texts unchanged.';

create function public.export_uptime(
  since timestamptz,
  until timestamptz default now(),
  page integer default 1,
  page_size integer default 1000
)
returns table (
  day date,
  target text,
  checks bigint,
  up bigint,
  degraded bigint,
  down bigint,
  unknown bigint,
  maintenance bigint,
  uptime_percent numeric,
  downtime_minutes numeric,
  p50_ms integer,
  p95_ms integer
)
language plpgsql
stable
security invoker
set search_path = ''
as $$
begin
  if export_uptime.since is null or export_uptime.until is null
    or (export_uptime.page between 1 and 1000000) is not true
    or (export_uptime.page_size between 1 and 1000000) is not true
    -- PostgREST would cut a larger page off without a word.
    or (export_uptime.page_size > 1000 and current_setting('request.jwt.claims', true) <> '')
  then
    raise exception using
      errcode = 'PT400',
      message = 'since and until must be times, page 1 or more, page_size 1 to 1000',
      detail = 'since, until, page or page_size',
      hint = 'Ask for page 1, 2, 3 and so on until a page has no rows. In SQL, page_size may be up to 1000000.';
  end if;
  return query
  select
    (target_history.hour at time zone 'UTC')::date,
    target_history.target,
    sum(target_history.checks)::bigint,
    sum(target_history.up)::bigint,
    sum(target_history.degraded)::bigint,
    sum(target_history.down)::bigint,
    sum(target_history.unknown)::bigint,
    sum(target_history.maintenance)::bigint,
    round(
      100.0 * sum(target_history.up_seconds + target_history.degraded_seconds)
      / nullif(sum(target_history.up_seconds + target_history.degraded_seconds + target_history.down_seconds), 0),
      3
    ),
    round(sum(target_history.down_seconds) / 60.0, 1),
    round(percentile_cont(0.5) within group (order by target_history.p50_ms))::integer,
    max(target_history.p95_ms)
  from public.target_history
  where target_history.hour >= export_uptime.since
    and target_history.hour < export_uptime.until
  group by 1, 2
  order by 1, 2
  limit export_uptime.page_size
  offset (export_uptime.page - 1)::bigint * export_uptime.page_size;
end
$$;

revoke all on function public.export_uptime(timestamptz, timestamptz, integer, integer)
from public, anon, authenticated, service_role;

grant execute on function public.export_uptime(timestamptz, timestamptz, integer, integer)
to authenticated, service_role;

comment on function public.export_uptime(timestamptz, timestamptz, integer, integer) is
'Returns the health checks of each target and day (UTC) from since until before until, oldest first, in pages.

uptime_percent is the time up or degraded divided by the time up, degraded or down, null where none counted, and
downtime_minutes the time down, as in target_history; the other counts are those of rounds. p50_ms is the median of the
hours'' medians, p95_ms the 95th percentile of the slowest hour. Ask for page 1, 2, 3 and so on until a page is empty; a
page has page_size rows, at most 1,000 through the API. export_uptime_csv() returns the same as CSV.';

create function public.export_uptime_csv(
  since timestamptz,
  until timestamptz default now(),
  page integer default 1,
  page_size integer default 1000
)
returns public."text/csv" -- noqa: RF05
language sql
stable
security invoker
set search_path = ''
set timezone = 'UTC'
as $$
  with cells as (
    select
      exported.ordinality as line,
      cell.position,
      cell.key,
      -- As in export_incidents_csv().
      case
        when json_typeof(cell.value) = 'string' and left(cell.value #>> '{}', 1) = any(array[
          '=', '+', '-', '@', e'\t', e'\r', e'\n', '＝', '＋', '－', '＠'
        ]) then ''''
        else ''
      end || (cell.value #>> '{}') as value
    from public.export_uptime(
      export_uptime_csv.since, export_uptime_csv.until, export_uptime_csv.page, export_uptime_csv.page_size
    ) with ordinality as exported
    cross join lateral json_each(row_to_json(exported)) with ordinality as cell (key, value, position)
    where cell.key <> 'ordinality'
  ),

  lines as (
    select
      cells.line,
      string_agg(coalesce('"' || replace(cells.value, '"', '""') || '"', ''), ',' order by cells.position) as content
    from cells
    group by cells.line
  )

  select
    'day,target,checks,up,degraded,down,unknown,maintenance,uptime_percent,downtime_minutes,p50_ms,p95_ms' || e'\n'
    || coalesce(string_agg(lines.content || e'\n', '' order by lines.line), '')
  from lines
$$;

revoke all on function public.export_uptime_csv(timestamptz, timestamptz, integer, integer)
from public, anon, authenticated, service_role;

grant execute on function public.export_uptime_csv(timestamptz, timestamptz, integer, integer)
to authenticated, service_role;

comment on function public.export_uptime_csv(timestamptz, timestamptz, integer, integer) is
'Returns export_uptime() as CSV; send the header Accept: text/csv.

The first line has the names of the columns, also on an empty page. Every value is in quotes, null is an empty cell
without quotes, times are in UTC. A name that begins with =, +, -, @, a tab or a line break gets a '' in front, because a
spreadsheet would run it as a formula; export_uptime() returns names unchanged.';
