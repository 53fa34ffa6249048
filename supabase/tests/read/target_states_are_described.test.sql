begin;

select plan(8);

delete from public.monitoring_checks;

delete from monitoring.target_hourly_stats;

delete from monitoring.target_states;

update public.system_config
set
  value = '[{"name": "shop", "type": "frontend", "url": "https://shop.example/?key=hidden", "group": "Sales",
      "tags": ["eu"], "headers": {"X-Tenant": "hidden"}},
    {"name": "api", "type": "backend", "url": "https://api.example/", "is_paused": true},
    {"name": "job", "type": "heartbeat", "period_minutes": 5}]'
where key = 'health_check_targets';

insert into monitoring.target_states (target, status, since, paused_at, pause_reason)
values
('shop', 'disputed', now(), null, 'of an earlier pause'),
('api', 'up', now(), now(), 'it ended the worker twice'),
('job', 'up', now(), null, null)
on conflict (target) do update
  set status = excluded.status;

insert into public.monitoring_checks (
  target, target_type, status, scheduled_at, completed_at, http_status, error, service_status, service_problem,
  response_time_error_ms
)
values
('shop', 'frontend', 'up', now() - interval '3 minutes', now(), 200, null, null, null, 1),
('shop', 'frontend', 'disputed', now() - interval '2 minutes', now(), 503, 'responded with 503', 'up', null, 40),
('shop', 'frontend', 'down', now() + interval '1 day', now() + interval '1 day', null, 'the future', null, null, null),
('api', 'backend', 'down', now(), now(), null, 'no HTTP response', 'down', 'connection refused', null),
('job', 'heartbeat', 'up', now(), now(), null, null, null, null, null);

insert into monitoring.probes (target, target_type, scheduled_at, error)
values ('shop', 'frontend', now() - interval '1 minute', 'not judged');

select results_eq(
  $$ select target, monitoring_labels.* from public.target_status
     cross join lateral (select group_name, tags, is_paused, paused_until, pause_reason) as monitoring_labels
     order by target $$,
  $$ values
     ('api', null, '{}'::text[], true, null::timestamptz, 'it ended the worker twice'),
     ('job', null, '{}', false, null, null),
     ('shop', 'Sales', '{eu}', false, null, null) $$,
  'the labels of a target, and its pause'
);

select results_eq(
  $$ select target, http_status, last_error, seen_from, service_status::text, service_problem, response_time_error_ms
     from public.target_status order by target $$,
  $$ values
     ('api', null, 'no HTTP response', '{database,service}'::text[], 'down', 'connection refused', null),
     ('job', null, null, '{}', null, null, null),
     ('shop', 503, 'responded with 503', '{database,service}', 'up', null, 40) $$,
  'the last judged round, and who looked in it'
);

select is(
  (
    select seen_from from public.target_panels
    where target = 'shop'
  ), '{database,service}'::text[],
  'panels have the same'
);

update public.system_config
set
  value = '[{"name": "shop", "type": "frontend", "url": "https://shop.example/", "is_paused": true,
    "paused_until": "2020-01-01T00:00"}]'
where key = 'health_check_targets';

select results_eq(
  'select target, group_name, tags, is_paused, paused_until from monitoring.target_labels',
  $$ values ('shop', null, '{}'::text[], true, timestamptz '2020-01-01 00:00Z') $$,
  'labels follow the configuration'
);

select results_eq(
  $$ select is_paused, paused_until from public.target_status where target = 'shop' $$,
  $$ values (false, null::timestamptz) $$,
  'a pause that is over is none'
);

select trigger_is(
  'monitoring', 'probe_targets', 'target_labels_follow_the_targets', 'monitoring', 'sync_target_labels',
  'whatever writes the targets writes their labels'
);

set local role authenticated;

select is(
  (
    select count(*) from public.target_status
    where target_status::text like '%hidden%'
  ), 0::bigint,
  'neither URLs nor headers are shown'
);

select throws_ok(
  $$ select from monitoring.target_labels $$, '42501', null,
  'labels are read through the views only'
);

select * from finish();

rollback;
