-- Purpose: stores how many reports of each severity occurred in each hour of the last days, for the chart of the page
--   /incidents.
-- Objects: table monitoring.report_hours; functions monitoring.count_report_hour, monitoring.count_reports.
-- Risks: ingest writes nothing here, so that reports of different incidents do not wait for each other. A job counts
--   hours again instead, each minute a few of them, of each at most 50,000 rows: its cost does not grow with the table
--   of the hours of incidents.

create table monitoring.report_hours (
  hour timestamptz not null,
  severity public.incident_severity not null,
  reports bigint not null,
  counted_at timestamptz not null,
  primary key (hour, severity),
  constraint report_hours_begin_on_the_hour check (hour = date_trunc('hour', hour, 'UTC')),
  constraint reports_are_not_negative check (reports >= 0)
)
with (fillfactor = 50); -- the rows of the last two hours are updated each minute

alter table monitoring.report_hours enable row level security;

create policy report_hours_is_read_by_nobody on monitoring.report_hours
for select to authenticated
using (false);

revoke all on table monitoring.report_hours from public, anon, authenticated, service_role;

comment on table monitoring.report_hours is
'Number of reports by hour and severity, of the last 8 days: four rows an hour, counted from
monitoring.incident_hours.';

comment on column monitoring.report_hours.hour is 'Start of the hour in which the errors occurred, in UTC.';

comment on column monitoring.report_hours.severity is
'Severity that the incidents had when the hour was counted last. A later change counts while the hour is counted
again.';

comment on column monitoring.report_hours.reports is
'Number of occurrences. Of an hour with more than 50,000 rows of incidents, environments and releases, those of
50,000.';

comment on column monitoring.report_hours.counted_at is 'Time at which the hour was counted last.';

comment on constraint report_hours_begin_on_the_hour on monitoring.report_hours is
'hour must be the start of an hour in UTC.';

comment on constraint reports_are_not_negative on monitoring.report_hours is 'reports must be 0 or more.';

comment on constraint report_hours_pkey on monitoring.report_hours is 'Each hour has one row of each severity.';

create function monitoring.count_report_hour(counted_hour timestamptz)
returns void
language sql
volatile
strict
security invoker
set search_path = ''
set enable_seqscan = off
as $$
  insert into monitoring.report_hours as known (hour, severity, reports, counted_at)
  select
    count_report_hour.counted_hour,
    severities.severity,
    coalesce(sum(counted.occurrences), 0)::bigint,
    clock_timestamp()
  from unnest(enum_range(null::public.incident_severity)) as severities (severity)
  left join (
    select
      limited.occurrences,
      -- Looked up by the key, row by row: a join could read all incidents.
      (select incidents.severity from public.incidents where incidents.id = limited.incident_id) as severity
    from (
      select incident_hours.incident_id, incident_hours.occurrences
      from monitoring.incident_hours
      where incident_hours.hour = count_report_hour.counted_hour
      order by incident_hours.hour, incident_hours.incident_id
      limit 50000
    ) as limited
  ) as counted on counted.severity = severities.severity
  group by severities.severity
  order by severities.severity
  on conflict (hour, severity) do update
    set reports = excluded.reports, counted_at = excluded.counted_at
$$;

comment on function monitoring.count_report_hour(timestamptz) is
'Counts the reports of an hour, which begins at a full hour in UTC, by severity, and writes a row of each severity,
also when it has none. Reads at most 50,000 rows of monitoring.incident_hours.';

create function monitoring.count_reports()
returns integer
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  v_hour constant timestamptz := date_trunc('hour', now(), 'UTC');
  v_since constant timestamptz := greatest(
    now() - interval '8 days', monitoring.find_retention_end('incident_hours_days')
  );
  v_counted timestamptz;
  v_count integer := 0;
begin
  delete from monitoring.report_hours
  where report_hours.hour < v_since;

  for v_counted in
    select chosen.hour
    from (
      values
      (v_hour),
      (v_hour - interval '1 hour'),
      -- Reports arrive up to 24 hours late. Each of these hours has its turn within 36 minutes.
      (v_hour - interval '1 hour' * (2 + extract(minute from now())::integer % 24))
    ) as chosen (hour)
    union
    -- After an installation, or when the job did not run: the newest first.
    (
      select slots.hour
      from generate_series(v_hour - interval '167 hours', v_hour, interval '1 hour') as slots (hour)
      where slots.hour >= v_since
        and not exists (select from monitoring.report_hours where report_hours.hour = slots.hour)
      order by slots.hour desc
      limit 12
    )
    order by 1
  loop
    perform monitoring.count_report_hour(v_counted);
    v_count := v_count + 1;
  end loop;
  return v_count;
end
$$;

comment on function monitoring.count_reports() is
'Counts the reports of the current hour, of the hour before, of one of the 24 hours before them in turn, and of up to
12 of the last 168 hours that are not counted yet; deletes hours older than 8 days or retention.incident_hours_days.
Returns how many hours it counted. Safe to repeat. pg_cron runs it each minute.';
