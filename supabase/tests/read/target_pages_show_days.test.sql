begin;

select plan(9);

delete from public.monitoring_checks;

delete from monitoring.target_hourly_stats;

delete from monitoring.target_daily_stats;

delete from monitoring.target_states;

update public.system_config
set
  value = '[
    {"name": "api", "type": "backend", "url": "https://secret-host.example/", "headers": {"X-A": "secret-header"},
      "group": "Shop"},
    {"name": "new", "type": "other", "url": "https://new.example/", "enabled": false}
  ]'
where key = 'health_check_targets';

insert into monitoring.target_states (target, status, since)
values ('api', 'up', now()), ('other', 'up', now());

-- Yesterday: two hours, of which one had 3 minutes down. Two days before: all in maintenance.
insert into monitoring.target_hourly_stats (
  target, hour, checks, up, degraded, down, unknown, maintenance, p50_ms, p95_ms, up_seconds, degraded_seconds,
  down_seconds, maintenance_seconds
)
select
  given.target,
  date_trunc('day', now(), 'UTC') - make_interval(hours => given.hours_ago) as hour,
  60 as checks,
  given.up,
  given.degraded,
  given.down,
  0 as unknown,
  given.maintenance,
  given.p50_ms,
  given.p95_ms,
  given.up * 60 as up_seconds,
  given.degraded * 60 as degraded_seconds,
  given.down * 60 as down_seconds,
  given.maintenance * 60 as maintenance_seconds
from (
  values
  ('api', 1, 57, 0, 3, 0, 100, 300), ('api', 2, 50, 10, 0, 0, 200, 900), ('api', 49, 0, 0, 0, 60, null, null),
  ('api', 24 * 100, 0, 0, 60, 0, 7, 7), ('other', 1, 0, 0, 60, 0, 5, 5)
) as given (target, hours_ago, up, degraded, down, maintenance, p50_ms, p95_ms);

select is(monitoring.roll_up_days() > 0, true, 'completed days are summed up');

create table pg_temp.page as
select public.target_page('api') as document;

select results_eq(
  $$ select
       jsonb_array_length(document -> 'days'), document #>> '{days,0,day}', document #>> '{days,89,day}',
       jsonb_array_length(document -> 'latency_7d'), jsonb_array_length(document -> 'latency_90d')
     from pg_temp.page $$,
  $$ select
       90, ((now() at time zone 'UTC')::date - 89)::text, (now() at time zone 'UTC')::date::text, 168, 90 $$,
  'a page has 90 days until today, 168 hours, and 90 days of response times'
);

select results_eq(
  $$ select days.day - 'day'
     from pg_temp.page
     cross join jsonb_array_elements(document -> 'days') with ordinality as days (day, position)
     where position between 87 and 89
     order by position $$,
  $$ values
     (
       '{"status": "unknown", "uptime_percent": null, "up_minutes": 0.0, "degraded_minutes": 0.0, "down_minutes": 0.0,
         "unknown_minutes": 0.0, "maintenance_minutes": 60.0, "checks": 60, "p50_ms": null, "p95_ms": null}'::jsonb
     ),
     (
       '{"status": null, "uptime_percent": null, "up_minutes": 0, "degraded_minutes": 0, "down_minutes": 0,
         "unknown_minutes": 0, "maintenance_minutes": 0, "checks": 0, "p50_ms": null, "p95_ms": null}'
     ),
     (
       '{"status": "degraded", "uptime_percent": 97.500, "up_minutes": 107.0, "degraded_minutes": 10.0,
         "down_minutes": 3.0, "unknown_minutes": 0.0, "maintenance_minutes": 0.0, "checks": 120, "p50_ms": 150,
         "p95_ms": 900}'
     ) $$,
  'a day has its status, its minutes of each state, and response times as export_uptime() has them'
);

select is(
  (select (document #> '{latency_90d,88}') - 'at' from pg_temp.page), '{"p50_ms": 150, "p95_ms": 900}'::jsonb,
  'response times by day are those of the days'
);

select is(
  (
    select jsonb_agg(hours.hour order by hours.position)
    from pg_temp.page
    cross join jsonb_array_elements(document -> 'latency_7d') with ordinality as hours (hour, position)
    where hours.hour ->> 'p50_ms' is not null
  ),
  jsonb_build_array(
    jsonb_build_object('at', date_trunc('day', now(), 'UTC') - interval '2 hours', 'p50_ms', 200, 'p95_ms', 900),
    jsonb_build_object('at', date_trunc('day', now(), 'UTC') - interval '1 hour', 'p50_ms', 100, 'p95_ms', 300)
  ),
  'response times by hour are those of the hours, in order'
);

insert into public.monitoring_checks (target, target_type, status, response_time_ms, scheduled_at, completed_at)
values ('api', 'backend', 'up', 42, date_trunc('minute', now()), now());

select results_eq(
  $$ select document #> '{days,89,checks}', document #> '{days,89,p50_ms}', document #> '{latency_7d,167,p95_ms}'
     from (select public.target_page('api') as document) as page $$,
  $$ values ('1'::jsonb, '42'::jsonb, '42'::jsonb) $$,
  'the last day and the last hour are those of now'
);

update monitoring.target_figures
set
  up_24h = 50000, known_24h = 100000, up_7d = 60000, known_7d = 100000, up_30d = 70000, known_30d = 100000,
  up_90d = 80000, known_90d = 100000
where target_figures.target = 'api';

delete from monitoring.target_rounds;

select is(
  public.target_page('api') -> 'uptime', '{"24h": 50.000, "7d": 60.000, "30d": 70.000, "90d": 80.000}'::jsonb,
  'uptime is that of 24 hours, 7, 30 and 90 days'
);

select ok(
  (
    select
      document -> 'target'
      @> '{"target": "api", "status": "up", "group_name": "Shop", "type": "backend", "is_enabled": true}'
      and not document -> 'target' ?| array['days', 'response_times_ms', 'url', 'headers']
      and document::text !~ 'secret'
    from pg_temp.page
  ),
  'the target is that of target_panels without its days, and neither its URL nor its headers are there'
);

select ok(
  (
    select
      document -> 'target' @> '{"target": "new", "status": null, "is_enabled": false, "group_name": null, "tags": null}'
      and document @> '{"certificate": null, "heartbeat": null, "outages": [], "checks": [], "maintenance": []}'
      and jsonb_array_length(document -> 'days') = 90
    from (select public.target_page('new') as document) as page
  ),
  'a target that was never checked has a page, too'
);

select * from finish();

rollback;
