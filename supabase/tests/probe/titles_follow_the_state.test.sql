begin;

select plan(7);

-- Incidents of other tests are renamed, so that they are neither reused nor counted.
update public.incidents
set fingerprint = id, source = 'another test'
where source = 'health-check';

update public.system_config
set value = '{"attempts": 1, "confirm_from_service": false, "failures_to_open": 2}'
where key = 'health_check_policy';

update public.system_config
set value = '[
  {"name": "a", "type": "other", "url": "https://a.example/", "max_response_ms": 10}
]'
where key = 'health_check_targets';

-- Plays a round: of each target its HTTP status, its error, or null for no response. Returns what became of them.
create function monitoring.test_round(minute integer, answers jsonb)
returns text
language sql
set search_path = ''
as $$
  insert into monitoring.probes (
    target, target_type, url, scheduled_at, sent_at, request_id, answer_due_at, answered_at, http_status, error,
    unmet_condition, is_maintenance
  )
  select
    given.key,
    probe_targets.type,
    probe_targets.url,
    '2020-01-01 10:00+00'::timestamptz + make_interval(mins => minute),
    clock_timestamp(),
    -1,
    clock_timestamp(),
    case when given.value <> 'null' then clock_timestamp() end,
    case when jsonb_typeof(given.value) = 'number' then given.value::integer end,
    case when jsonb_typeof(given.value) = 'string' then given.value #>> '{}' end,
    case when jsonb_typeof(given.value) = 'number' and given.value::integer > 399 then 'responded with an error' end,
    monitoring.is_in_maintenance(given.key, now())
  from jsonb_each(answers) as given
  join monitoring.probe_targets on probe_targets.name = given.key;

  select monitoring.judge_health_checks();

  select string_agg(checks.target || ' ' || checks.status, ', ' order by checks.target)
  from monitoring.all_checks as checks
  where checks.scheduled_at = '2020-01-01 10:00+00'::timestamptz + make_interval(mins => minute);
$$;

create function monitoring.test_incidents()
returns text
language sql
set search_path = ''
as $$
  select string_agg(
    format('%s %s', substr(fingerprint, 14), severity), ', ' order by fingerprint
  )
  from public.incidents
  where source = 'health-check' and status <> 'resolved'
$$;

create function monitoring.test_title(minute integer, status_code integer, response_time_ms integer)
returns text
language sql
set search_path = ''
as $$
  insert into monitoring.probes (
    target, target_type, scheduled_at, sent_at, request_id, answered_at, http_status, response_time_ms, unmet_condition
  )
  values (
    'a', 'other', '2020-01-01 10:00+00'::timestamptz + make_interval(mins => minute), now(), -1, now(), status_code,
    response_time_ms, case when status_code > 399 then 'wrong' end
  );
  select monitoring.judge_health_checks();
  select string_agg(format('%s %s %s', title, severity, error_type), ', ')
  from public.incidents
  where source = 'health-check' and status <> 'resolved';
$$;

select results_eq(
  $$ select monitoring.test_title(minutes.minute, 200, 11) from generate_series(0, 2) as minutes (minute) $$,
  $$ values (null), (null), ('a is degraded MEDIUM TargetDegraded') $$,
  'degraded'
);

select is(
  monitoring.test_title(3, 500, 11), 'a is down MEDIUM TargetDown', 'down in the first round, which is not severe yet'
);

select is(monitoring.test_title(4, 500, 11), 'a is down HIGH TargetDown', 'the second round is');

select is(monitoring.test_title(5, 200, 11), 'a is degraded HIGH TargetDegraded', 'degraded again, at once');

select results_eq(
  $$ select agent, details ->> 'from', details ->> 'to' from public.agent_actions
     where action = 'incident_renamed' and created_at = now() order by id $$,
  $$ values
     ('health-check', 'a is degraded', 'a is down'),
     ('health-check', 'a is down', 'a is degraded') $$,
  'each change is in the audit trail'
);

update public.incidents
set title = 'the shop, again'
where fingerprint = 'health-check:target:a';

select is(
  monitoring.test_title(6, 500, 11), 'the shop, again HIGH TargetDown', 'what somebody wrote stays'
);

select is(
  monitoring.describe_outage_title('health-check:target:a', 'a', 'disputed'), 'a is disputed',
  'each state has a title'
);

select * from finish();

rollback;
