begin;

select plan(6);

delete from monitoring.service_targets;

update public.system_config
set value = '[{"name": "frontend", "type": "other", "url": "https://mine.example/"}]'
where key = 'health_check_targets';

select is(
  public.write_service_targets('https://api.example', 'https://console.example'),
  '[{"name": "backend", "result": "written"},
    {"name": "frontend", "result": "kept", "reason": "it was added or edited by hand"},
    {"name": "database", "result": "written"}]'::jsonb,
  'a target that was added by hand is kept'
);

update public.system_config
set value = '[
  {"name": "frontend", "type": "other", "url": "https://mine.example/"},
  {"name": "backend", "type": "backend", "url": "https://api.example/health", "timeout_ms": 900}
]'
where key = 'health_check_targets';

select is(
  public.write_service_targets('https://new.example', 'https://console.example'),
  '[{"name": "backend", "result": "kept", "reason": "it was added or edited by hand"},
    {"name": "frontend", "result": "kept", "reason": "it was added or edited by hand"},
    {"name": "database", "result": "kept", "reason": "it was removed by hand"}]'::jsonb,
  'an edited target is kept, and a removed one is not added again'
);

select results_eq(
  $$ select name, url from monitoring.probe_targets order by place $$,
  $$ values ('frontend', 'https://mine.example/'), ('backend', 'https://api.example/health') $$,
  'the configuration of the person is unchanged'
);

delete from monitoring.service_targets;

update public.system_config
set value = '[{"name": "Backend", "type": "other", "url": "https://mine.example/"}]'
where key = 'health_check_targets';

select is(
  public.write_service_targets('http://10.0.0.1:8080', 'https://console.example'),
  '[
    {"name": "backend", "result": "refused",
     "reason": "health_check_targets[0].name Backend is used more than once: names must be unique"},
    {"name": "frontend", "result": "written"},
    {"name": "database", "result": "refused",
     "reason": "health_check_targets[2].url is on a private, loopback or link-local address; set health_check_policy.allow_private to true first"}
  ]'::jsonb,
  'a URL that may not be probed is rejected with the reason, other targets are written'
);

select results_eq(
  $$ select name from monitoring.probe_targets order by place $$,
  $$ values ('Backend'), ('frontend') $$,
  'a rejected target is not in the configuration'
);

select results_eq(
  $$ select name from monitoring.service_targets $$,
  $$ values ('frontend') $$,
  'a rejected target is not recorded as written'
);

select * from finish();

rollback;
