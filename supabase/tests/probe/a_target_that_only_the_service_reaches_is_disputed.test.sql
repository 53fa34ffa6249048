begin;

select plan(8);

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

create function monitoring.test_disputed(minute integer, seen text)
returns text
language sql
set search_path = ''
as $$
  select monitoring.test_round(minute, '{"a": "Could not connect to server"}');
  select format('%s; %s', monitoring.test_look(jsonb_build_object('a', seen)), monitoring.test_incidents());
$$;

select is(monitoring.test_round(0, '{"a": 200}'), 'a up', 'up');

select is(monitoring.test_disputed(1, 'up'), 'a disputed; ', 'a single dispute opens nothing');

select is(monitoring.test_disputed(2, 'degraded'), 'a disputed; ', 'nor does a second one');

select is(monitoring.test_disputed(3, 'up'), 'a disputed; target:a MEDIUM', 'the third does');

select results_eq(
  $$ select title, message, error_type from public.incidents where source = 'health-check' $$,
  $$ values (
       'a is disputed',
       'a is disputed: the service reaches it, the database does not: Could not connect to server',
       'TargetDisputed'
     ) $$,
  'it says who sees what'
);

select is(monitoring.test_disputed(4, 'down'), 'a down; target:a HIGH', 'when the service agrees the target is down');

select results_eq(
  $$ select title, (select disputed_rounds || ' ' || down_rounds from monitoring.target_states)
     from public.incidents where source = 'health-check' $$,
  $$ values ('a is down', '0 1') $$,
  'the title follows'
);

update monitoring.job_runs
set ran_at = now() - interval '1 minute'
where job = 'service-looks';

select is(monitoring.test_round(5, '{"a": 500}'), 'a down', 'without the service nothing waits');

select * from finish();

rollback;
