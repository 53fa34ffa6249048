begin;

select plan(8);

-- Incidents of other tests are renamed, so that they are neither reused nor counted.
update public.incidents
set fingerprint = id, source = 'another test'
where source = 'health-check';

update public.system_config
set value = '{"attempts": 1}'
where key = 'health_check_policy';

update public.system_config
set value = '[
  {"name": "a", "type": "other", "url": "https://a.example/"},
  {"name": "b", "type": "other", "url": "https://b.example/"},
  {"name": "own", "type": "other", "url": "https://c.example/", "confirm_from_service": false},
  {"name": "child", "type": "other", "url": "https://a.example/", "depends_on": "a"}
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

-- The service looks at what it was asked about. Returns what becomes of the checks.
create function monitoring.test_look(seen jsonb)
returns text
language sql
set search_path = ''
as $$
  update monitoring.target_looks
  set recorded_at = clock_timestamp(), status = (seen ->> target)::public.check_status, problem = 'seen: ' || target
  where recorded_at is null and seen ? target;
  select monitoring.judge_health_checks();
  select string_agg(target || ' ' || status, ', ' order by target)
  from monitoring.all_checks
  where scheduled_at = (select max(scheduled_at) from monitoring.all_checks);
$$;

insert into monitoring.job_runs (job, ran_at)
values ('service-looks', clock_timestamp())
on conflict (job) do update set ran_at = excluded.ran_at;

select is(
  monitoring.test_round(0, '{"a": 500, "b": 500, "own": 500, "child": 500}'),
  'a pending, b pending, child pending, own down',
  'failures wait for the service, unless it is not to look'
);

select results_eq(
  $$ select target, purpose from monitoring.target_looks
     where target in ('a', 'b', 'child', 'own') order by target $$,
  $$ values ('a', 'confirm'), ('b', 'confirm') $$,
  'it is asked about each once, and about no consequence'
);

select is(monitoring.judge_health_checks(), 3, 'the others are judged meanwhile');

select is(
  monitoring.test_look('{"a": "down", "b": "unknown"}'), 'a down, b down, child down, own down',
  'what it sees down is down, and so is what it cannot see'
);

select results_eq(
  $$ select target, service_status::text, service_problem from public.monitoring_checks order by target $$,
  $$ values ('a', 'down', 'seen: a'), ('b', null, null), ('child', null, null), ('own', null, null) $$,
  'its result is on the check'
);

select results_eq(
  $$ select fingerprint, context -> 'seen_from', context ->> 'service_problem' from public.incidents
     where source = 'health-check' order by fingerprint $$,
  $$ values
     ('health-check:target:a', '["database", "service"]'::jsonb, 'seen: a'),
     ('health-check:target:b', '["database"]'::jsonb, null),
     ('health-check:target:own', '["database"]'::jsonb, null) $$,
  'and in the incident'
);

select results_eq(
  $$ select monitoring.test_round(minutes.minute, '{"a": 500}')
     from generate_series(1, 9) as minutes (minute) where minutes.minute in (1, 8) order by minutes.minute $$,
  $$ values ('a down'), ('a down') $$,
  'what is known to be down is not asked about again'
);

update monitoring.target_states
set down_rounds = 9;

select is(monitoring.test_round(10, '{"a": 500}'), 'a pending', 'but in every tenth round');

select * from finish();

rollback;
