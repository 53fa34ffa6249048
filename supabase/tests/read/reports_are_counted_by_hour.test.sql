begin;

select plan(8);

delete from monitoring.incident_hours;

delete from monitoring.report_hours;

insert into public.incidents (id, fingerprint, title, message, severity, category, rule)
values
('INC-7720001', 'tap reports 1', 't', 'm', 'LOW', 'backend', 'r'),
('INC-7720002', 'tap reports 2', 't', 'm', 'CRITICAL', 'backend', 'r');

create function pg_temp.report(incident_id text, hours_ago integer, occurrences integer, release text)
returns void
language sql
as $$
  insert into monitoring.incident_hours (incident_id, hour, environment, release, occurrences, first_seen, last_seen)
  select
    report.incident_id, hours.hour, '', report.release, report.occurrences, hours.hour, hours.hour
  from (
    select date_trunc('hour', now(), 'UTC') - interval '1 hour' * report.hours_ago as hour
  ) as hours
$$;

-- The reports of an hour, as LOW and CRITICAL.
create function pg_temp.counted(hours_ago integer, period text default '24h')
returns text
language sql
as $$
  select concat_ws(' ', bars.bar ->> 'LOW', bars.bar ->> 'MEDIUM', bars.bar ->> 'HIGH', bars.bar ->> 'CRITICAL')
  from jsonb_array_elements(
    public.search_incidents(jsonb_build_object('period', counted.period)) #> '{reports,hours}'
  ) as bars (bar)
  where (bars.bar ->> 'hour')::timestamptz = date_trunc('hour', now(), 'UTC') - interval '1 hour' * counted.hours_ago
$$;

select pg_temp.report(reported.incident_id, reported.hours_ago, reported.occurrences, reported.release)
from (
  values
  ('INC-7720001', 0, 3, ''),
  ('INC-7720001', 0, 4, '1.0'),
  ('INC-7720002', 0, 5, ''),
  ('INC-7720002', 1, 6, ''),
  ('INC-7720001', 100, 7, ''),
  ('INC-7720001', 200, 8, '')
) as reported (incident_id, hours_ago, occurrences, release);

select is(
  public.search_incidents() #> '{reports,counted_at}', 'null'::jsonb,
  'before the first count it is not told that there were no reports'
);

select ok(monitoring.count_reports() in (12, 13), 'a run counts three hours, and up to 12 that were never counted');

select results_eq(
  $$ select pg_temp.counted(0), pg_temp.counted(1), pg_temp.counted(2) $$,
  $$ values ('7 0 0 5', '0 0 0 6', '0 0 0 0') $$,
  'the reports of an hour are summed up by severity'
);

select results_eq(
  $$ select
       jsonb_array_length(reports -> 'hours'),
       reports #> '{hours,0,hour}' = reports -> 'from',
       (reports ->> 'until')::timestamptz - (reports ->> 'from')::timestamptz,
       (reports #>> '{hours,-1,hour}')::timestamptz = date_trunc('hour', now(), 'UTC'),
       (reports ->> 'counted_at')::timestamptz between now() and clock_timestamp()
     from (
       select public.search_incidents(jsonb_build_object('period', period)) -> 'reports' as reports
       from unnest(array['24h', '7d']) as periods (period)
     ) as read $$,
  $$ values (24, true, interval '24 hours', true, true), (168, true, interval '168 hours', true, true) $$,
  'the hours of a day or of a week end with the current one'
);

-- As often as all hours have their turn.
do $do$
begin
  for v_run in 1 .. 14 loop
    perform monitoring.count_reports();
  end loop;
end
$do$;

select is(pg_temp.counted(100, '7d'), '7 0 0 0', 'the hours of a week are counted within minutes');

update public.incidents
set severity = 'HIGH'
where id = 'INC-7720001';

update monitoring.incident_hours
set occurrences = 30
where incident_id = 'INC-7720001' and release = '' and hour = date_trunc('hour', now(), 'UTC');

select lives_ok('select monitoring.count_reports(), monitoring.count_reports()', 'a run can be repeated');

select is(pg_temp.counted(0), '0 0 34 5', 'the last hours are counted again, by the severity of today');

insert into monitoring.report_hours (hour, severity, reports, counted_at)
values (date_trunc('hour', now() - interval '9 days', 'UTC'), 'LOW', 1, now());

create temporary table later_run as
select monitoring.count_reports() as hours;

select results_eq(
  $$ select later_run.hours, min(report_hours.hour) > now() - interval '8 days', count(*)
     from later_run cross join monitoring.report_hours group by later_run.hours $$,
  $$ values (3, true, 672::bigint) $$,
  'hours older than 8 days are deleted, and a run counts three hours when none is missing'
);

select * from finish();

rollback;
