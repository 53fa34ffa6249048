begin;

select plan(7);

update public.system_config
set value = '{"attempts": 1, "confirm_from_service": false}'
where key = 'health_check_policy';

update public.system_config
set value = '[
  {"name": "db", "type": "database", "url": "https://a.example/"},
  {"name": "api", "type": "backend", "url": "https://a.example/", "depends_on": "db"},
  {"name": "page", "type": "frontend", "url": "https://a.example/", "depends_on": "api"},
  {"name": "refused", "type": "other", "url": "https://refused.example/"}
]'
where key = 'health_check_targets';

insert into monitoring.probes (target, target_type, scheduled_at, sent_at, request_id, answer_due_at)
values
('db', 'database', '2020-01-01 10:00+00', now(), -1, now() + interval '1 hour'),
('api', 'backend', '2020-01-01 10:00+00', now(), -2, now() + interval '1 hour'),
('page', 'frontend', '2020-01-01 10:00+00', now(), -3, now() + interval '1 hour'),
('refused', 'other', '2020-01-01 10:00+00', now(), -4, now() + interval '1 hour');

create function monitoring.test_answer(name text, status_code integer)
returns integer
language sql
set search_path = ''
as $$
  update monitoring.probes
  set
    answered_at = now(), http_status = status_code, error = case when status_code is null then 'refused' end,
    unmet_condition = case when status_code > 399 then 'wrong' end
  where target = name;
  select monitoring.judge_health_checks();
$$;

select is(
  monitoring.test_answer('refused', null), 4, 'without any HTTP response the cause may be our own connection'
);

select is(monitoring.test_answer('page', 502), 3, 'a failed page waits for what it depends on');

select is(monitoring.find_root_cause('page'), 'page', 'of which nothing is known yet');

select is(monitoring.test_answer('api', 200), 2, 'for all of it');

select is(monitoring.test_answer('db', 500), 0, 'the database failed');

select is(monitoring.find_root_cause('api'), 'db', 'it would explain a failure of the API, which did not fail');

select results_eq(
  $$ select checks.target, incidents.fingerprint
     from public.monitoring_checks as checks join public.incidents on incidents.id = checks.incident_id
     order by checks.target $$,
  $$ values
     ('db', 'health-check:target:db'),
     ('page', 'health-check:target:page'),
     ('refused', 'health-check:target:refused') $$,
  'so the page has an incident of its own'
);

select * from finish();

rollback;
