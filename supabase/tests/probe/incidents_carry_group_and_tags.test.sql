begin;

select plan(2);

-- Incidents of other tests are renamed, so that they are neither reused nor counted.
update public.incidents
set fingerprint = id, source = 'another test'
where source = 'health-check';

update public.system_config
set value = '{"attempts": 1, "confirm_from_service": false}'
where key = 'health_check_policy';

update public.system_config
set value = '[
  {"name": "a", "type": "other", "url": "https://a.example/", "group": "Shop", "tags": ["eu", "paid"]},
  {"name": "b", "type": "other", "url": "https://a.example/"}
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

select monitoring.test_round(0, '{"a": 500, "b": 500}');

select results_eq(
  $$ select context ->> 'group', context -> 'tags', context -> 'seen_from' from public.incidents
     where source = 'health-check' order by fingerprint $$,
  $$ values
     ('Shop', '["eu", "paid"]'::jsonb, '["database"]'::jsonb),
     (null, null, '["database"]') $$,
  'when they are set'
);

select results_eq(
  $$ select monitoring.describe_vantage_points('a') $$,
  $$ values ('{"seen_from": ["database"], "service_problem": null}'::jsonb) $$,
  'the service was not asked'
);

select * from finish();

rollback;
