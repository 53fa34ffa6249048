begin;

select plan(3);

-- Incidents of other tests are renamed, so that they are neither reused nor counted.
update public.incidents
set fingerprint = id, source = 'another test'
where source = 'health-check';

update public.system_config
set value = '{"attempts": 1, "confirm_from_service": false, "maintenance_windows": [
  {"starts_at": "2000-01-01T00:00", "ends_at": "2999-01-01T00:00"}
]}'
where key = 'health_check_policy';

update public.system_config
set value = '[{"name": "a", "type": "backend", "url": "https://a.example/"}]'
where key = 'health_check_targets';

insert into monitoring.probes (
  target, target_type, scheduled_at, sent_at, request_id, answered_at, http_status, unmet_condition, is_maintenance
)
values ('a', 'backend', '2020-01-01 10:00+00', now(), -1, now(), 500, 'wrong', monitoring.is_in_maintenance('a', now()));

select is(monitoring.judge_health_checks(), 0, 'the round is judged');

select results_eq(
  $$ select status::text, is_maintenance, incident_id from public.monitoring_checks $$,
  $$ values ('down', true, null::text) $$,
  'the result is recorded'
);

select is_empty($$ select from public.incidents where source = 'health-check' $$, 'no incident opens');

select * from finish();

rollback;
