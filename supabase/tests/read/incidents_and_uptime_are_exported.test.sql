begin;

select plan(7);

select public.report_error('{"error": {"message": "=first, \"quoted\"", "stack": "s"}, "context": {"a": 1}}');

select public.report_error('{"error": {"message": "second"}, "severity": "LOW"}');

update public.incidents
set
  first_seen = case when incidents.message = 'second' then '1999-01-02Z' else '1999-01-01Z' end::timestamptz,
  last_seen = '1999-01-03Z'
where incidents.message in ('second', '=first, "quoted"');

select results_eq(
  $$ select message, severity::text from public.export_incidents('1999-01-01Z', '1999-01-02Z') $$,
  $$ values ('=first, "quoted"', 'MEDIUM') $$,
  'incidents that were first seen since a time, and before another one'
);
select results_eq(
  $$ select message from public.export_incidents('1999-01-01Z', '2000-01-01Z', 2, 1) $$, $$ values ('second') $$,
  'one page'
);
select matches(
  public.export_incidents_csv('1999-01-01Z', '2000-01-01Z'),
  e'^id,title,message,[^\n]*\n"INC-[0-9]+","''=first, ""quoted""","''=first, ""quoted""",,,"MEDIUM",[^\n]*\n[^\n]*\n$',
  'the same as CSV'
);

insert into monitoring.target_hourly_stats
values
('tap', '1999-01-01 10:00Z', 60, 50, 1, 6, 1, 2, 100, 200, 900, 3000, 60, 360, 60, 120, 0),
('tap', '1999-01-01 11:00Z', 12, 12, 0, 0, 0, 0, 300, 400, 900, 720, 0, 0, 0, 0, 2880);

select results_eq(
  $$ select day::text, target, checks, down, uptime_percent, downtime_minutes, p50_ms, p95_ms
     from public.export_uptime('1999-01-01Z', '1999-01-02Z') $$,
  $$ values ('1999-01-01', 'tap', 72::bigint, 6::bigint, 91.304, 6.0, 200, 400) $$,
  'a target and day'
);
select is(
  public.export_uptime_csv('1999-01-01Z', '1999-01-02Z')::text,
  e'day,target,checks,up,degraded,down,unknown,maintenance,uptime_percent,downtime_minutes,p50_ms,p95_ms\n'
  '"1999-01-01","tap","72","62","1","6","1","2","91.304","6.0","200","400"\n',
  'the same as CSV'
);

-- The hours after the last one that is summed up are read from the checks.
delete from monitoring.target_hourly_stats
where target_hourly_stats.hour >= '1999-01-02Z';

insert into public.monitoring_checks (
  target, target_type, url, status, response_time_ms, scheduled_at, sent_at, completed_at
)
select
  'tap' as target,
  'other' as target_type,
  'https://example.com' as url,
  case when minute < 3 then 'down' else 'up' end::public.check_status as status,
  10 * minute as response_time_ms,
  timestamptz '1999-01-02Z' + make_interval(mins => minute) as scheduled_at,
  timestamptz '1999-01-02Z' + make_interval(mins => minute) as sent_at,
  timestamptz '1999-01-02Z' + make_interval(mins => minute) as completed_at
from generate_series(0, 5) as minute;

select results_eq(
  $$ select day::text, target, checks, down, uptime_percent, downtime_minutes, p50_ms, p95_ms
     from public.export_uptime('1999-01-02Z', '1999-01-03Z') $$,
  $$ values ('1999-01-02', 'tap', 6::bigint, 3::bigint, 50.000, 3.0, 40, 49) $$,
  'a day that is not summed up yet'
);
select throws_ok(
  $$ select from public.export_incidents(null) $$, 'PT400',
  'since and until must be times, page 1 or more, page_size 1 to 1000', 'a period is required'
);

select * from finish();

rollback;
