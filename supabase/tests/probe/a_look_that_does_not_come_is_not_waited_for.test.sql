begin;

select plan(5);

-- Incidents of other tests are renamed, so that they are neither reused nor counted.
update public.incidents
set fingerprint = id, source = 'another test'
where source = 'health-check';

update public.system_config
set value = '{"attempts": 1}'
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

select is(monitoring.test_round(0, '{"a": 500}'), 'a pending', 'the failure waits');

update monitoring.target_looks
set due_at = clock_timestamp();

select is(monitoring.judge_health_checks(), 0, 'for ten seconds');

select is(monitoring.test_incidents(), 'target:a HIGH', 'then it counts');

-- A hundred others wait.
insert into monitoring.probes (target, target_type, scheduled_at)
select
  'other ' || numbers.n as target,
  'other' as target_type,
  '2020-01-01 09:00+00' as scheduled_at
from generate_series(1, 100) as numbers (n);

insert into monitoring.target_looks (target, purpose, check_id, due_at)
select
  monitoring_checks.target,
  'confirm' as purpose,
  monitoring_checks.id as check_id,
  clock_timestamp() + interval '1 hour' as due_at
from public.monitoring_checks
where monitoring_checks.status = 'pending';

select is(
  monitoring.request_missing_confirmations(array[
    row(0, 'a', now(), 'down', null, true, false, false, null, false, false)::monitoring.verdict
  ]), 0, 'the service is not asked about more than it can look at'
);

select is(monitoring.request_missing_confirmations('{}'), 0, 'nor about nothing');

select * from finish();

rollback;
