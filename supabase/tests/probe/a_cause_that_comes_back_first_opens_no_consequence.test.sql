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
set value = '[
  {"name": "db", "type": "other", "url": "https://a.example/"},
  {"name": "api", "type": "other", "url": "https://a.example/", "depends_on": "db"},
  {"name": "page", "type": "other", "url": "https://a.example/", "depends_on": "api"}
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

create function monitoring.test_play(minute integer, answers jsonb)
returns text
language sql
set search_path = ''
as $$
  select monitoring.test_round(minute, answers);
  select monitoring.test_incidents();
$$;

select is(
  monitoring.test_play(0, '{"db": 500, "api": 500, "page": 500}'), 'target:db HIGH', 'what depends on a dead target'
);

select is(
  monitoring.test_play(1, '{"db": 200, "api": 500, "page": 500}'), 'target:db HIGH',
  'opens nothing in the round in which that comes back'
);

select is(
  monitoring.test_play(2, '{"db": 200, "api": 500, "page": 500}'), 'target:api HIGH',
  'in the next one it does'
);

select is(monitoring.test_play(3, '{"db": 500, "api": 500, "page": 500}'), 'target:api HIGH, target:db HIGH', 'again');

select is(
  monitoring.test_play(4, '{"db": 200, "api": 200, "page": 500}'), 'target:api HIGH, target:db HIGH',
  'so does what comes back two steps away'
);

select monitoring.test_play(5, '{"db": 200, "api": 200}');

select is(monitoring.test_play(5, '{"page": null}'), null, 'a round without responses decides nothing');

select results_eq(
  $$ select monitoring.has_recovered_cause('page', '2020-01-01 10:04+00'),
       monitoring.has_recovered_cause('page', '2020-01-01 10:03+00'),
       monitoring.has_recovered_cause('db', '2020-01-01 10:04+00') $$,
  $$ values (true, false, false) $$,
  'only in that round, and only for what depends on it'
);

select is(monitoring.test_play(6, '{"db": 200, "api": 200, "page": 500}'), 'target:page HIGH', 'then it is its own');

select * from finish();

rollback;
