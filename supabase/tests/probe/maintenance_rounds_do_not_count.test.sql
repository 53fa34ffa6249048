begin;

select plan(6);

-- Incidents of other tests are renamed, so that they are neither reused nor counted.
update public.incidents
set fingerprint = id, source = 'another test'
where source = 'health-check';

update public.system_config
set value = '{"attempts": 1, "confirm_from_service": false, "failures_to_open": 3}'
where key = 'health_check_policy';

update public.system_config
set value = '[
  {"name": "a", "type": "other", "url": "https://a.example/"}
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

create function monitoring.test_maintenance(is_on boolean)
returns void
language sql
set search_path = ''
as $$
  update public.system_config
  set value = case
    when is_on
      then '{"attempts": 1, "confirm_from_service": false, "failures_to_open": 3,
             "maintenance_windows": [{"starts_at": "2000-01-01T00:00", "ends_at": "2999-01-01T00:00"}]}'::jsonb
    else '{"attempts": 1, "confirm_from_service": false, "failures_to_open": 3}'
  end
  where key = 'health_check_policy';
$$;

create function monitoring.test_counters()
returns text
language sql
set search_path = ''
as $$
  select concat_ws(
    ' ', status, last_status, good_rounds, degraded_rounds, down_rounds, unknown_rounds, disputed_rounds,
    cardinality(changed_at)
  )
  from monitoring.target_states
$$;

select monitoring.test_round(0, '{"a": 200}');

select monitoring.test_round(1, '{"a": 500}');

select is(monitoring.test_counters(), 'down down 0 0 1 0 0 1', 'a failed round counts');

select monitoring.test_maintenance(true);

select monitoring.test_round(minutes.minute, '{"a": 500}')
from generate_series(2, 4) as minutes (minute);

select is(monitoring.test_counters(), 'down down 0 0 1 0 0 1', 'in maintenance it does not');

select monitoring.test_round(5, '{"a": null}');

select is(monitoring.test_counters(), 'unknown down 0 0 1 0 0 1', 'nor does one without a response');

select monitoring.test_round(6, '{"a": 200}');

select is(monitoring.test_counters(), 'up up 0 0 1 0 0 1', 'nor a successful one');

select monitoring.test_maintenance(false);

select monitoring.test_round(7, '{"a": 500}');

select is(monitoring.test_incidents(), null, 'two failed rounds open nothing where three are needed');

select monitoring.test_round(8, '{"a": 500}');

select is(monitoring.test_incidents(), 'target:a HIGH', 'the third one opens the incident');

select * from finish();

rollback;
