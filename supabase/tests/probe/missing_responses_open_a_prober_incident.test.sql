begin;

select plan(6);

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

select is(monitoring.test_play(0, null), null, 'one unknown round opens no incident');

select is(monitoring.test_play(1, null), 'open HIGH 1', 'two consecutive unknown rounds open an incident');

select is(
  (
    select string_agg(fingerprint, ' ') from public.incidents
    where source = 'health-check'
  ),
  'health-check:prober', 'the incident is about the prober, not the target'
);

-- A secret that is missing has the same effect as pg_net's silence.
select results_eq(
  $$ select title, message from public.incidents where source = 'health-check' $$,
  $$ values (
    'Targets cannot be checked',
    'api could not be checked: no response from pg_net, so the state of the target is unknown'
  ) $$,
  'title and message are true whatever the reason'
);

select is(monitoring.test_play(2, 500), 'resolved HIGH 1, open CRITICAL 1', 'any response resolves it');

select is(
  monitoring.test_play(3, null), 'resolved HIGH 1, open CRITICAL 1', 'an unknown round does not resolve the incident of the target'
);

select * from finish();

rollback;
