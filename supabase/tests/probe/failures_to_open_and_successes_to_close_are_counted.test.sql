begin;

select plan(8);

-- Incidents of other tests are renamed, so that they are neither reused nor counted.
update public.incidents
set fingerprint = id, source = 'another test'
where source = 'health-check';

update public.system_config
set value = '{"attempts": 1, "confirm_from_service": false, "failures_to_open": 2, "successes_to_close": 1}'
where key = 'health_check_policy';

update public.system_config
set value = '[
  {"name": "a", "type": "other", "url": "https://a.example/"},
  {"name": "b", "type": "backend", "url": "https://b.example/", "failures_to_open": 3, "successes_to_close": 3, "severity": "LOW"},
  {"name": "c", "type": "other", "url": "https://c.example/", "max_response_ms": 10, "severity": "LOW"}
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

create function monitoring.test_play(minute integer, status_code integer)
returns text
language sql
set search_path = ''
as $$
  select monitoring.test_round(minute, jsonb_build_object('a', status_code, 'b', status_code));
  select monitoring.test_incidents();
$$;

select is(monitoring.test_play(0, 500), null, 'one failed round opens nothing where two are needed');

select is(monitoring.test_play(1, 500), 'target:a HIGH', 'the second does');

select is(
  monitoring.test_play(2, 500), 'target:a HIGH, target:b LOW', 'a target has numbers and a severity of its own'
);

select is(monitoring.test_play(3, 200), 'target:b LOW', 'one successful round resolves, where one is enough');

select results_eq(
  $$ select monitoring.test_play(minutes.minute, 200) from generate_series(4, 5) as minutes (minute) $$,
  $$ values ('target:b LOW'), (null) $$,
  'elsewhere the third does'
);

select results_eq(
  $$ select resolution from public.incidents where source = 'health-check' order by fingerprint $$,
  $$ values ('The target was up again.'), ('The target was up for 3 consecutive rounds.') $$,
  'the resolution says what was seen'
);

select is(monitoring.test_play(6, 500), null, 'the rounds must be consecutive');

create function monitoring.test_slow(minute integer)
returns text
language sql
set search_path = ''
as $$
  insert into monitoring.probes (
    target, target_type, scheduled_at, sent_at, request_id, answered_at, http_status, response_time_ms
  )
  values ('c', 'other', '2020-01-01 11:00+00'::timestamptz + make_interval(mins => minute), now(), -1, now(), 200, 11);
  select monitoring.judge_health_checks();
  select monitoring.test_incidents();
$$;

select results_eq(
  $$ select monitoring.test_slow(minutes.minute) from generate_series(1, 3) as minutes (minute) $$,
  $$ values (null), (null), ('target:c LOW') $$,
  'a degraded target is at most as severe as a failed one'
);

select * from finish();

rollback;
