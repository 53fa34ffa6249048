begin;

select plan(12);

-- Incidents of other tests are renamed, so that they are neither reused nor counted.
update public.incidents
set fingerprint = id, source = 'another test'
where source = 'health-check';

update public.system_config
set value = '{"attempts": 1, "confirm_from_service": false}'
where key = 'health_check_policy';

update public.system_config
set value = '[
  {"name": "a", "type": "other", "url": "https://a.example/"}
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

select monitoring.test_round(0, '{"a": 500}');

select is(monitoring.test_incidents(), 'target:a HIGH', 'a target is down');

update public.system_config
set value = '[
  {"name": "a", "type": "other", "url": "https://a.example/", "is_paused": true, "paused_until": "2999-01-01T00:00"}
]'
where key = 'health_check_targets';

select is(monitoring.test_round(1, '{"a": 500}'), 'a down', 'its owner pauses it while it is asked');

select is(monitoring.test_incidents(), null, 'its incident is resolved, and none opens');

select results_eq(
  $$ select resolution, (select status::text from monitoring.target_states) from public.incidents
     where source = 'health-check' $$,
  $$ values ('The target is paused.', 'down') $$,
  'the resolution says why, and the state stays'
);

update public.system_config
set value = replace(value::text, '2999', '2020')::jsonb
where key = 'health_check_targets';

select results_eq(
  $$ select monitoring.is_paused_by_owner(probe_targets), is_paused from monitoring.probe_targets $$,
  $$ values (false, true) $$,
  'a pause ends at its time'
);

select monitoring.test_round(2, '{"a": 500}');

select is(monitoring.test_incidents(), 'target:a HIGH', 'then the target is judged again');

update public.system_config
set value = '[
  {"name": "a", "type": "other", "url": "https://a.example/", "failures_to_open": 2, "is_paused": true}
]'
where key = 'health_check_targets';

select monitoring.judge_health_checks();

update public.system_config
set value = '[{"name": "a", "type": "other", "url": "https://a.example/", "failures_to_open": 2}]'
where key = 'health_check_targets';

select is(monitoring.test_round(3, '{"a": 500}'), 'a down', 'after another pause it is still down');

select is(monitoring.test_incidents(), null, 'rounds before a pause do not count towards failures_to_open');

select monitoring.test_round(4, '{"a": 500}');

select is(monitoring.test_incidents(), 'target:a HIGH', 'those after it do');

-- Without an answer: the incident is about pg_net.
select monitoring.test_round(5, '{"a": null}');

select monitoring.test_round(6, '{"a": null}');

select alike(monitoring.test_incidents(), 'prober HIGH%', 'responses are missing');

update public.system_config
set value = '[{"name": "a", "type": "other", "url": "https://a.example/", "is_paused": true}]'
where key = 'health_check_targets';

select monitoring.judge_health_checks();

select is(monitoring.test_incidents(), null, 'where no target is checked, no incident about the checks stays open');

update public.system_config
set value = '[
  {"name": "a", "type": "other", "url": "https://a.example/", "is_paused": true},
  {"name": "child", "type": "other", "url": "https://a.example/", "depends_on": "a"}
]'
where key = 'health_check_targets';

select is(
  monitoring.find_root_cause('child'), 'child', 'nor is the last state of a paused target the cause of another failure'
);

select * from finish();

rollback;
