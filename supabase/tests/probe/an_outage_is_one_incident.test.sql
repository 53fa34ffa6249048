begin;

select plan(8);

-- Incidents of other tests are renamed, so that they are neither reused nor counted.
update public.incidents
set fingerprint = id, source = 'another test'
where source = 'health-check';

update public.system_config
set value = '{"attempts": 1, "confirm_from_service": false}'
where key = 'health_check_policy';

update public.system_config
set value = '[{"name": "api", "type": "backend", "url": "https://a.example/"}]'
where key = 'health_check_targets';

create function monitoring.test_play(minute integer, status_code integer)
returns text
language sql
set search_path = ''
as $$
  insert into monitoring.probes (
    target, target_type, scheduled_at, sent_at, request_id, answer_due_at, answered_at, http_status, response_time_ms,
    unmet_condition
  )
  select
    name, type, '2020-01-01 10:00+00'::timestamptz + make_interval(mins => minute), now(), -1, now(),
    case when status_code is not null then now() end, status_code, 50, case when status_code > 399 then 'wrong' end
  from monitoring.probe_targets;
  select monitoring.judge_health_checks();
  select string_agg(format('%s %s %s', status, severity, occurrence_count), ', ' order by fingerprint)
  from public.incidents
  where source = 'health-check' and (fingerprint = 'health-check:target:api' or fingerprint = 'health-check:prober');
$$;

select is(monitoring.test_play(0, 200), null, 'a successful round opens no incident');

select is(monitoring.test_play(1, 500), 'open CRITICAL 1', 'a failing backend is critical');

select is(monitoring.test_play(2, 500), 'open CRITICAL 2', 'further failures fold into the incident');

select is(monitoring.test_play(3, 200), 'open CRITICAL 2', 'one successful round does not resolve it');

select is(monitoring.test_play(4, 200), 'resolved CRITICAL 2', 'two successful rounds resolve it');

select results_eq(
  $$ select agent, action from public.agent_actions where agent = 'health-check' and created_at = now() order by id $$,
  $$ values ('health-check', 'incident_created'), ('health-check', 'incident_resolved') $$,
  'both changes are in the audit trail'
);

select is(monitoring.test_play(5, 500), 'open CRITICAL 3', 'an outage soon afterwards reopens it');

update public.system_config
set value = '[]'
where key = 'health_check_targets';

select is(monitoring.remove_stale_target_states(), 1::bigint, 'removing the target resolves its incident');

select * from finish();

rollback;
