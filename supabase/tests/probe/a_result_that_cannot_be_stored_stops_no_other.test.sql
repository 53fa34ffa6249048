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
  {"name": "a", "type": "other", "url": "https://a.example/"},
  {"name": "b", "type": "other", "url": "https://a.example/"},
  {"name": "c", "type": "other", "url": "https://a.example/"},
  {"name": "d", "type": "other", "url": "https://a.example/"},
  {"name": "child", "type": "other", "url": "https://a.example/", "depends_on": "b"}
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

-- A rule of the owner that refuses the result of one target.
alter table public.monitoring_checks
add constraint test_rule check (target <> 'b' or status in ('pending', 'up'));

select is(
  monitoring.test_round(0, '{"a": 500, "b": 500, "c": 200, "d": 500, "child": 500}'),
  'a down, b pending, c up, child down, d down',
  'all but one are judged, and what depends on it too'
);

select is(
  monitoring.test_incidents(), 'target:a HIGH, target:child HIGH, target:d HIGH, verdicts HIGH',
  'the one is an incident about us'
);

select results_eq(
  $$ select title, message like 'The result of the health check of b cannot be stored: %test_rule%', context -> 'targets'
     from public.incidents where fingerprint = 'health-check:verdicts' $$,
  $$ values ('Results of health checks cannot be stored', true, '["b"]'::jsonb) $$,
  'which says why'
);

select is(monitoring.judge_health_checks(), 1, 'it is tried again');

select is(
  (
    select occurrence_count from public.incidents
    where fingerprint = 'health-check:verdicts'
  ), 1::bigint, 'and is an occurrence once a minute'
);

select is(monitoring.test_round(1, '{"a": 200, "b": 200}'), 'a up, b pending', 'later rounds of the target wait');

alter table public.monitoring_checks
drop constraint test_rule;

select is(monitoring.judge_health_checks(), 0, 'when the rule is gone they are all judged');

select is(
  monitoring.test_incidents(), 'target:a HIGH, target:b HIGH, target:child HIGH, target:d HIGH',
  'and the incident is resolved'
);

select * from finish();

rollback;
