begin;

select plan(8);

-- Incidents of other tests are renamed, so that they are neither reused nor counted.
update public.incidents
set fingerprint = id, source = 'another test'
where source = 'health-check';

update public.system_config
set value = '{"attempts": 1, "confirm_from_service": false, "allow_private": true}'
where key = 'health_check_policy';

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

-- As if nothing had been checked before.
create function monitoring.test_case(targets jsonb, answers jsonb)
returns text
language sql
set search_path = ''
as $$
  update public.incidents
  set fingerprint = id, source = 'another test'
  where source = 'health-check';
  delete from monitoring.probes;
  delete from public.monitoring_checks;
  update public.system_config
  set value = targets
  where key = 'health_check_targets';
  delete from monitoring.target_states;
  select format('%s; %s', monitoring.test_round(0, answers), monitoring.test_incidents());
$$;

select is(
  monitoring.test_case(
    '[
      {"name": "a", "type": "other", "url": "https://a.example/"},
      {"name": "b", "type": "other", "url": "https://b.example/"}
    ]',
    '{"a": "SSL peer certificate or SSH remote key was not OK", "b": "SSL peer certificate or SSH remote key was not OK"}'
  ),
  'a down, b down; target:a HIGH, target:b HIGH',
  'a bad certificate is an answer'
);

select is(
  monitoring.test_case(
    '[
      {"name": "a", "type": "other", "url": "https://a.example/"},
      {"name": "b", "type": "other", "url": "https://b.example/"}
    ]',
    '{"a": "Could not connect to server", "b": "Number of redirects hit maximum amount"}'
  ),
  'a down, b down; target:a HIGH, target:b HIGH',
  'and so is a loop of redirects'
);

select is(
  monitoring.test_case(
    '[
      {"name": "a", "type": "other", "url": "https://a.example/"},
      {"name": "b", "type": "other", "url": "https://b.example/"}
    ]',
    '{"a": "Could not connect to server", "b": 999}'
  ),
  'a down, b down; target:a HIGH, target:b HIGH',
  'a status such as 999 is an answer'
);

select is(
  monitoring.test_case(
    '[
      {"name": "a", "type": "other", "url": "https://a.example/"},
      {"name": "b", "type": "other", "url": "https://b.example/"}
    ]',
    '{"a": "Problem with the SSL CA cert (path? access rights?)", "b": "Problem with the SSL CA cert (path? access rights?)"}'
  ),
  'a unknown, b unknown; connectivity HIGH',
  'an error before anything is sent is none'
);

select is(
  monitoring.test_case(
    '[
      {"name": "a", "type": "other", "url": "https://a.example/"},
      {"name": "b", "type": "other", "url": "https://b.example/", "depends_on": "a"}
    ]',
    '{"a": "Could not connect to server", "b": "Could not connect to server"}'
  ),
  'a down, b down; target:a HIGH',
  'what depends on a target does not count'
);

select is(
  monitoring.test_case(
    '[
      {"name": "a", "type": "other", "url": "https://a.example/"},
      {"name": "b", "type": "other", "url": "https://b.example/"},
      {"name": "c", "type": "other", "url": "https://c.example/", "depends_on": "a"}
    ]',
    '{"a": "x", "b": "x", "c": "x"}'
  ),
  'a unknown, b unknown, c unknown; connectivity HIGH',
  'but it is unknown too when our connection is in doubt'
);

select is(
  monitoring.test_case(
    '[
      {"name": "a", "type": "other", "url": "https://a.example/"},
      {"name": "b", "type": "other", "url": "https://b.example/"}
    ]',
    '{"a": "Could not connect to server", "b": null}'
  ),
  'a down, b unknown; target:a HIGH',
  'nor does a request that pg_net did not answer'
);

update public.system_config
set value = '{"attempts": 1, "confirm_from_service": false, "maintenance_windows": [
  {"starts_at": "2000-01-01T00:00", "ends_at": "2999-01-01T00:00", "targets": ["b"]}
]}'
where key = 'health_check_policy';

select is(
  monitoring.test_case(
    '[
      {"name": "a", "type": "other", "url": "https://a.example/"},
      {"name": "b", "type": "other", "url": "https://b.example/"}
    ]',
    '{"a": "Could not connect to server", "b": "Could not connect to server"}'
  ),
  'a down, b down; target:a HIGH',
  'a target in maintenance does not count'
);

select * from finish();

rollback;
