begin;

select plan(4);

-- Incidents of other tests are renamed, so that they are neither reused nor counted.
update public.incidents
set fingerprint = id, source = 'another test'
where source = 'health-check';

update public.system_config
set value = '{"attempts": 1, "confirm_from_service": false, "successes_to_close": 1}'
where key = 'health_check_policy';

update public.system_config
set value = '[{"name": "api", "type": "other", "url": "https://a.example/"}]'
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

select is(monitoring.test_play(0, 200), null, 'up');

select monitoring.test_play(minutes.minute, case when minutes.minute % 2 = 1 then 500 else 200 end)
from generate_series(1, 5) as minutes (minute);

select is(monitoring.test_play(6, 200), 'open HIGH 3', 'after five changes, successful rounds do not resolve the incident');

select is(monitoring.test_play(36, 200), 'resolved HIGH 3', 'half an hour later they do');

select is(
  (
    select count(*) from public.incidents
    where source = 'health-check'
  ),
  1::bigint, 'there was one incident'
);

select * from finish();

rollback;
