begin;

select plan(7);

-- Live incidents of other tests must not count here.
update public.incidents
set status = 'resolved', resolved_at = clock_timestamp()
where status <> 'resolved';

delete from monitoring.target_states;

-- Other tests stop the rounds for a while.
update monitoring.job_runs
set ran_at = now()
where job_runs.job = 'monitoring-health-checks';

update public.system_config
set
  value = '[{"name": "inner", "type": "backend", "url": "https://inner.example/"},
    {"name": "shop", "type": "frontend", "url": "https://shop.example/", "public": true},
    {"name": "api", "type": "backend", "url": "https://api.example/", "public": true}]'
where key = 'health_check_targets';

insert into monitoring.target_states (target, status, since)
values ('inner', 'up', now()), ('shop', 'up', now()), ('api', 'down', now());

insert into public.incidents (id, fingerprint, title, message, severity, category, rule, first_seen)
values
('INC-1', 'page 1', 'minor', 'm', 'LOW', 'backend', 'r', now()),
('INC-2', 'page 2', 'major', 'm', 'CRITICAL', 'backend', 'r', now() - interval '90 seconds');

select throws_ok(
  $$ update public.system_config set value = '[{"name": "a", "type": "other", "url": "https://a.example", "public": 1}]'
     where key = 'health_check_targets' $$,
  '23514',
  'health_check_targets[0].public must be true or false (true shows the target on the public status page)',
  'public is true or false'
);

set local role authenticated;

select is(
  (
    select jsonb_agg(jsonb_build_array(incident -> 'id', incident -> 'age_seconds'))
    from jsonb_array_elements(public.status_page() -> 'incidents') as incident
  ),
  '[["INC-2", 90], ["INC-1", 0]]'::jsonb, 'the most severe incident comes first, with its age'
);

select is(
  jsonb_path_query_array(public.status_page(), '$.targets[*].target'), '["api", "inner", "shop"]'::jsonb,
  'targets that are down come first, then the others by name'
);

select is(
  public.status_page() - array[
    'incidents', 'targets', 'targets_limit', 'targets_are_cut', 'server_time', 'title', 'logo', 'maintenance'
  ],
  public.status_summary() - 'server_time',
  'the rest is status_summary'
);

set local role service_role;

select is(
  jsonb_path_query_array(public.public_status(), '$.targets[*].target'), '["shop", "api"]'::jsonb,
  'public_status lists the public targets in the order of the configuration'
);

select is(public.public_status() ->> 'overall', 'outage', 'public_status contains the overall state');

select ok(
  not public.public_status() #> '{targets,0}' ?| array['url', 'incident_id', 'error', 'last_response_time_ms'],
  'public_status contains nothing else'
);

select * from finish();

rollback;
