begin;

select plan(10);

update public.system_config
set value = '[
  {"name": "tap a", "type": "backend", "url": "https://a.example/", "interval_minutes": 1},
  {"name": "tap b", "type": "backend", "url": "https://b.example/", "interval_minutes": 4},
  {"name": "tap off", "type": "backend", "url": "https://c.example/", "enabled": false},
  {"name": "tap beat", "type": "heartbeat", "period_minutes": 60}
]'
where key = 'health_check_targets';

update public.system_config
set value = '{"monitoring_checks_days": 10, "agent_actions_days": 365}'
where key = 'retention';

select is(
  (
    select value from public.capacity()
    where measure = 'probes'
  ), 1.25, 'probes a minute follow from the intervals'
);

select is(
  (
    select rows_a_day from public.capacity()
    where measure = 'public.monitoring_checks'
  ), 3240::numeric,
  'checks a day are the probes and a row a minute for each heartbeat'
);

select is(
  (
    select mb_at_most > 0 and mb_at_most <= mb_a_day * 10 + 0.1 from public.capacity()
    where measure = 'public.monitoring_checks'
  ), true,
  'a table is at most as large as its kept days'
);

select is(
  (
    select sentence like '%, kept for ever.' from public.capacity()
    where measure = 'public.error_knowledge'
  ), true,
  'what no retention limits is said to be kept for ever'
);

select is(
  (
    select sentence like '%, kept for 1 days.' from public.capacity()
    where measure = 'monitoring.event_receipts'
  ), true,
  'the keys of reports are a table that grows, and are kept for hours'
);

insert into public.incidents (id, fingerprint, title, message, severity, category, rule)
values ('INC-1', 'tap capacity', 't', 'm', 'LOW', 'backend', 'r');

insert into monitoring.incident_hours (incident_id, hour, occurrences, first_seen, last_seen)
select
  'INC-1' as incident_id,
  hours.hour,
  36000000 as occurrences,
  hours.hour as first_seen,
  hours.hour as last_seen
from (select date_trunc('hour', now(), 'UTC') - interval '1 hour' as hour) as hours;

select ok(
  (
    select value >= 10000 and value > ends_at from public.capacity()
    where measure = 'reports'
  ),
  'reports a second are those of the last full hour'
);

select is(
  (
    select days_left from public.capacity(0.000001)
    where measure = 'database'
  ), 0::numeric,
  'a database beyond the given size has no day left'
);

select is(
  (
    select days_left from public.capacity(100000000)
    where measure = 'database'
  ), null::numeric,
  'more than ten years are not counted'
);

select throws_ok(
  $$ select * from public.capacity(0) $$, 'PT400', 'size_gb must be above 0', 'a size is above 0'
);

select results_eq(
  $$
    select measure from public.capacity()
    where measure in ('probes', 'reports', 'connections', 'database', 'cron.job_run_details')
  $$,
  array['probes', 'reports', 'connections', 'cron.job_run_details', 'database'],
  'loads come first, then tables, then the database'
);

select * from finish();

rollback;
