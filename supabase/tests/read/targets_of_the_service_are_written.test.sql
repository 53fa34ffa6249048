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
  'the targets are probed'
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
  'a changed URL is updated'
);

select results_eq(
  $$ select url from monitoring.probe_targets order by place $$,
  $$ values ('https://new.example/health'), ('https://console.example/login'), ('https://new.example/health/db') $$,
  'the target keeps its position'
);

select is(public.write_service_targets(), '[]'::jsonb, 'without URLs nothing is written');

select is(
  public.write_service_targets(console_url => 'https://other.example/'),
  '[{"name": "frontend", "result": "written"}]'::jsonb,
  'without one URL its targets are not written'
);

select is(
  (select count(*) from monitoring.probe_targets), 3::bigint,
  'other targets are unchanged'
);

select * from finish();

rollback;
