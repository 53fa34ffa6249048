begin;

select plan(8);

delete from monitoring.service_targets;

select is(
  public.write_service_targets('https://api.example/', 'https://console.example/login'),
  '[{"name": "backend", "result": "written"}, {"name": "frontend", "result": "written"},
    {"name": "database", "result": "written"}]'::jsonb,
  'three targets are written'
);

select results_eq(
  $$ select name, type::text, url, depends_on from monitoring.probe_targets order by place $$,
  $$ values
     ('backend', 'backend', 'https://api.example/health', null::text),
     ('frontend', 'frontend', 'https://console.example/login', null),
     ('database', 'database', 'https://api.example/health/db', 'backend') $$,
  'and will be probed'
);

select is(
  public.write_service_targets('https://api.example', 'https://console.example/login'),
  '[{"name": "backend", "result": "unchanged"}, {"name": "frontend", "result": "unchanged"},
    {"name": "database", "result": "unchanged"}]'::jsonb,
  'a second start changes nothing'
);

select is(
  public.write_service_targets('https://new.example', 'https://console.example/login'),
  '[{"name": "backend", "result": "written"}, {"name": "frontend", "result": "unchanged"},
    {"name": "database", "result": "written"}]'::jsonb,
  'a changed address is followed'
);

select results_eq(
  $$ select url from monitoring.probe_targets order by place $$,
  $$ values ('https://new.example/health'), ('https://console.example/login'), ('https://new.example/health/db') $$,
  'in its place'
);

select is(public.write_service_targets(), '[]'::jsonb, 'without addresses nothing is written');

select is(
  public.write_service_targets(console_url => 'https://other.example/'),
  '[{"name": "frontend", "result": "written"}]'::jsonb,
  'nor without one of them what is probed there'
);

select is(
  (select count(*) from monitoring.probe_targets), 3::bigint,
  'the others stay as they are'
);

select * from finish();

rollback;
