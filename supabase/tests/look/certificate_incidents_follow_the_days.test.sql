begin;

select plan(8);

-- Incidents of other tests are renamed, so that they are neither reused nor counted.
update public.incidents
set fingerprint = id
where fingerprint like 'health-check:certificate:%';

delete from monitoring.target_certificates
where target is not null;

update public.system_config
set value = '[{"name": "api", "type": "backend", "url": "https://a.example/"}]'
where key = 'health_check_targets';

create function monitoring.test_see(days_left numeric, certificate jsonb default '{}')
returns text
language sql
set search_path = ''
as $$
  insert into monitoring.target_looks (target, purpose, due_at, endpoint)
  values ('api', 'certificate', clock_timestamp() + interval '1 minute', 'a.example:443');
  select public.record_looks(
    jsonb_build_array(
      jsonb_build_object(
        'id', max(target_looks.id),
        'http_status', 200,
        'certificate', jsonb_build_object(
          'issuer', 'R11', 'names', '["a.example"]'::jsonb, 'not_before', '2020-01-01T00:00:00Z',
          'not_after', clock_timestamp() + make_interval(secs => days_left * 86400)
        ) || certificate
      )
    )
  )
  from monitoring.target_looks
  where target_looks.target = 'api';
  select string_agg(concat_ws(' ', incidents.status, incidents.severity, incidents.title), ', ')
  from public.incidents
  where incidents.fingerprint = 'health-check:certificate:api'
$$;

select is(monitoring.test_see(22), null, 'more than 21 days open no incident');

select is(
  array[monitoring.test_see(20.9), monitoring.test_see(8)],
  array[
    'open MEDIUM The certificate of api expires in 21 days', 'open MEDIUM The certificate of api expires in 8 days'
  ],
  '21 days open one; its title follows the days'
);

-- Nobody looks, but time passes.
update monitoring.target_certificates
set not_after = not_after - interval '30 hours', judge_at = judge_at - interval '30 hours'
where target = 'api';

select is(
  (
    select concat_ws(' ', monitoring.judge_certificates(), severity, title, occurrence_count)
    from public.incidents
    where fingerprint = 'health-check:certificate:api'
  ),
  '1 MEDIUM The certificate of api expires in 8 days 2', 'the statement sees the state before'
);

select is(
  (
    select concat_ws(' ', monitoring.judge_certificates(), severity, title, occurrence_count)
    from public.incidents
    where fingerprint = 'health-check:certificate:api'
  ),
  '0 HIGH The certificate of api expires in 7 days 3', 'time alone raises it, once'
);

select is(
  array[monitoring.test_see(0.9), monitoring.test_see(-0.1)],
  array[
    'open CRITICAL The certificate of api expires in 1 day', 'open CRITICAL The certificate of api has expired'
  ],
  'the last day and the end are critical'
);

select is(
  monitoring.test_see(15), 'open CRITICAL The certificate of api expires in 15 days', 'a severity does not fall'
);

select is(
  monitoring.test_see(22), 'resolved CRITICAL The certificate of api expires in 15 days',
  'more than the largest threshold resolves it'
);

select results_eq(
  $$
    select agent_actions.action, count(*)
    from public.agent_actions
    join public.incidents on incidents.id = agent_actions.incident_id
    where incidents.fingerprint = 'health-check:certificate:api'
      and agent_actions.agent = 'health-check'
    group by agent_actions.action
    order by agent_actions.action
  $$,
  $$
    values
    ('incident_created', 1::bigint), ('incident_escalated', 2::bigint), ('incident_renamed', 5::bigint),
    ('incident_resolved', 1::bigint)
  $$,
  'each change is in the audit trail'
);

select * from finish();

rollback;
