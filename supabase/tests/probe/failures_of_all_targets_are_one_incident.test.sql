begin;

select plan(7);

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
  {"name": "b", "type": "other", "url": "https://b.example/"},
  {"name": "c", "type": "other", "url": "https://c.example/"}
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

select monitoring.test_round(0, '{"a": "x", "b": "x"}');

select is(monitoring.test_round(1, '{"a": "x", "b": "x"}'), 'a unknown, b unknown', 'nothing is known of the targets');

select is(monitoring.test_incidents(), 'connectivity HIGH', 'there is one incident, and none about pg_net');

select results_eq(
  $$ select occurrence_count::integer, message, context -> 'targets' from public.incidents where source = 'health-check' $$,
  $$ values (2, 'No server answered in a round in which 2 targets failed, such as a: x', '["a", "b"]'::jsonb) $$,
  'it says what failed'
);

select results_eq(
  $$ select distinct error, incident_id like 'INC-%' from public.monitoring_checks $$,
  $$ values ('x; no server answered, so the state of the target is unknown', true) $$,
  'and so do the checks'
);

select is(monitoring.test_round(2, '{"a": "x", "b": "x", "c": 200}'), 'a down, b down, c up', 'another server answers');

select is(monitoring.test_incidents(), 'target:a HIGH, target:b HIGH', 'it was the targets after all');

select is(
  (
    select resolution from public.incidents
    where fingerprint = 'health-check:connectivity'
  ),
  'A server answered again.', 'the other incident is resolved'
);

select * from finish();

rollback;
