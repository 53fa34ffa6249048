begin;

select plan(6);

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
  {"name": "c", "type": "other", "url": "https://a.example/c"}
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

insert into monitoring.probes (target, target_type, scheduled_at, send_at)
values ('c', 'other', '2020-01-01 10:00+00', now() + interval '1 minute');

select is(monitoring.test_round(0, '{"a": "x"}'), 'a down, c pending', 'only one host can fail: nothing is awaited');

delete from monitoring.probes;
delete from public.monitoring_checks;

delete from monitoring.target_states;

insert into monitoring.probes (target, target_type, scheduled_at, send_at)
values ('b', 'other', '2020-01-01 10:01+00', now() + interval '1 minute');

select is(monitoring.test_round(1, '{"a": "x"}'), 'a pending, b pending', 'another host may answer in this round');

select is(
  monitoring.find_silent_rounds(array(select verdict from monitoring.judge_answers() as verdict)),
  row('2020-01-01 10:01+00'::timestamptz, null::timestamptz, true, true),
  'two hosts are silent or awaited'
);

update monitoring.probes
set http_status = 500, sent_at = now()
where target = 'b';

select is(monitoring.judge_health_checks(), 1, 'it answered, although it will be tried again');

select is(
  (
    select string_agg(target || ' ' || status, ', ' order by target) from monitoring.all_checks
  ),
  'a down, b pending', 'so the first one is down'
);

select is(monitoring.test_incidents(), 'target:a HIGH', 'and has an incident');

select * from finish();

rollback;
