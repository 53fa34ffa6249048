begin;

select plan(4);

update public.system_config
set value = '[
  {"name": "plain", "type": "backend", "url": "https://plain.example/"},
  {"name": "full", "type": "database", "url": "https://full.example/", "enabled": false, "method": "POST",
   "headers": {"X-Probe": "1"}, "expected_status": [204, "300-399"], "body_contains": "ok", "max_response_ms": 800,
   "timeout_ms": 900, "depends_on": "plain", "interval_minutes": 5}
]'
where key = 'health_check_targets';

select results_eq(
  $$ select place, type::text, url, is_enabled, method, headers, expected_status, body_contains, max_response_ms,
       timeout_ms, depends_on, interval_minutes
     from monitoring.probe_targets where name = 'plain' $$,
  $$ values (
       1, 'backend', 'https://plain.example/', true, 'GET', '{}'::jsonb, '{[200,400)}'::int4multirange, null::text,
       null::integer, 5000, null::text, 1
     ) $$,
  'missing fields have their defaults'
);

select results_eq(
  $$ select place, type::text, url, is_enabled, method, headers, expected_status, body_contains, max_response_ms,
       timeout_ms, depends_on, interval_minutes
     from monitoring.probe_targets where name = 'full' $$,
  $$ values (
       2, 'database', 'https://full.example/', false, 'POST', '{"X-Probe": "1"}'::jsonb,
       '{[204,205),[300,400)}'::int4multirange, 'ok', 800, 900, 'plain', 5
     ) $$,
  'given fields are used'
);

update public.system_config
set value = '[
  {"name": "new", "type": "other", "url": "https://new.example/"},
  {"name": "full", "type": "database", "url": "https://full.example/", "timeout_ms": null}
]'
where key = 'health_check_targets';

select results_eq(
  $$ select name, place, timeout_ms, is_enabled, depends_on from monitoring.probe_targets order by place $$,
  $$ values ('new', 1, 5000, true, null::text), ('full', 2, 5000, true, null) $$,
  'changed, added and removed targets are updated'
);

update public.system_config
set value = '[]'
where key = 'health_check_targets';

select is_empty($$ select from monitoring.probe_targets $$, 'an empty list removes all targets');

select * from finish();

rollback;
