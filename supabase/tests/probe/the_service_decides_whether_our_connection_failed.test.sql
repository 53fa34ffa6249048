begin;

select plan(7);

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
  {"name": "c", "type": "other", "url": "https://c.example/"},
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
  monitoring.test_round(0, '{"a": "x", "b": "x", "c": "x", "child": "x"}'),
  'a pending, b pending, c pending, child pending',
  'the whole round waits for the service'
);

select is(
  monitoring.test_look('{"a": "down", "b": "up"}'), 'a pending, b pending, c pending, child pending',
  'until it has looked at all of them'
);

select is(
  monitoring.test_look('{"c": "up"}'), 'a down, b unknown, c unknown, child unknown',
  'it reaches some: our own connection failed, and what it cannot reach is down'
);

select is(monitoring.test_incidents(), 'connectivity HIGH, target:a HIGH', 'both are incidents');

delete from monitoring.target_states;

select monitoring.test_round(1, '{"a": "x", "b": "x", "c": "x", "child": "x"}');

select is(
  monitoring.test_look('{"a": "down", "b": "down", "c": "unknown"}'), 'a down, b down, c down, child down',
  'it reaches none either: the targets are down'
);

select is(
  monitoring.test_incidents(), 'target:a HIGH, target:b HIGH, target:c HIGH', 'and our connection is not in doubt'
);

select is(
  (
    select resolution from public.incidents
    where fingerprint = 'health-check:connectivity'
  ),
  'The service cannot reach the targets either.', 'the resolution says why'
);

select * from finish();

rollback;
