begin;

select plan(4);

-- Incidents of other tests are renamed, so that they are neither reused nor counted.
update public.incidents
set fingerprint = id, source = 'another test'
where source = 'health-check';

update public.system_config
set value = '{"attempts": 1, "confirm_from_service": false}'
where key = 'health_check_policy';

update public.system_config
set value = '[{"name": "api", "type": "backend", "url": "https://a.example/", "max_response_ms": 49}]'
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

select is(monitoring.test_play(0, 200), null, 'one slow round opens no incident');

select is(monitoring.test_play(1, 200), null, 'two slow rounds open no incident');

select is(monitoring.test_play(2, 200), 'open MEDIUM 1', 'three consecutive slow rounds open an incident');

select is(monitoring.test_play(3, 500), 'open CRITICAL 2', 'the incident escalates when the target is down');

select * from finish();

rollback;
