begin;

select plan(3);

-- Incidents of other tests are renamed, so that they are neither reused nor counted.
update public.incidents
set fingerprint = id, source = 'another test'
where source = 'health-check';

update public.system_config
set value = '{"attempts": 1, "confirm_from_service": false}'
where key = 'health_check_policy';

update public.system_config
set value = '[
  {"name": "a", "type": "other", "url": "https://shop.example/"},
  {"name": "b", "type": "other", "url": "https://api.example/"},
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

insert into monitoring.target_looks (target, purpose, requested_at, due_at, recorded_at, status, addresses)
values
('a', 'certificate', now() - interval '2 hours', now(), now(), 'up', '{198.51.100.9}'),
('a', 'certificate', now() - interval '1 hour', now(), now(), 'up', '{192.0.2.8,192.0.2.7}'),
('a', 'certificate', now(), now(), now(), 'unknown', null),
('b', 'certificate', now() - interval '1 hour', now(), now(), 'up', '{192.0.2.7,192.0.2.8}');

select is(monitoring.find_target_host('a'), '192.0.2.7', 'the address that the service resolved last is the host');

select is(
  monitoring.test_round(0, '{"a": "Could not resolve hostname", "b": "Could not resolve hostname"}'),
  'a down, b down',
  'two names of one server are one host, although they do not resolve any more'
);

select is(
  monitoring.test_round(1, '{"a": "x", "b": "x", "c": "x"}'),
  'a down, b down, c down',
  'what was down before explains no other silence'
);

select * from finish();

rollback;
