begin;

select plan(8);

delete from public.monitoring_checks;

update public.system_config
set
  value = '[
    {"name": "api", "type": "backend", "url": "https://api.example/"},
    {"name": "shop", "type": "frontend", "url": "https://shop.example/"}
  ]'
where key = 'health_check_targets';

update public.system_config
set
  value = jsonb_build_object(
    'maintenance_windows', jsonb_build_array(
      jsonb_build_object(
        'starts_at', to_char(now() at time zone 'UTC' + interval '1 hour', 'YYYY-MM-DD"T"HH24:MI'),
        'ends_at', to_char(now() at time zone 'UTC' + interval '2 hours', 'YYYY-MM-DD"T"HH24:MI'),
        'targets', '["shop"]'::jsonb
      ),
      jsonb_build_object(
        'starts_at', to_char(now() at time zone 'UTC' + interval '3 hours', 'YYYY-MM-DD"T"HH24:MI'),
        'ends_at', to_char(now() at time zone 'UTC' + interval '4 hours', 'YYYY-MM-DD"T"HH24:MI'),
        'targets', '["shop", "api"]'::jsonb
      ),
      '{"days": ["mon", "tue", "wed", "thu", "fri", "sat", "sun"], "from": "00:00", "to": "00:00"}'::jsonb
    )
  )
where key = 'health_check_policy';

insert into public.incidents (
  id, fingerprint, title, message, severity, category, rule, sender, status, first_seen, last_seen, resolved_at,
  reopened_at, open_before
)
values
(
  'INC-1', 'health-check:target:api', 'api is down', 'm', 'CRITICAL', 'backend', 'r', 'health-check', 'open',
  now() - interval '90 seconds', now(), null, null, '0'
),
(
  'INC-2', 'health-check:target:api', 'api is slow', 'm', 'MEDIUM', 'backend', 'r', 'health-check', 'resolved',
  now() - interval '3 days', now() - interval '2 days', now() - interval '2 days',
  now() - interval '2 days 1 hour', '10 minutes'
),
(
  'INC-3', 'health-check:target:shop', 'shop is down', 'm', 'CRITICAL', 'backend', 'r', 'health-check', 'open', now(),
  now(), null, null, '0'
),
(
  'INC-4', 'health-check:certificate:api', 'expires', 'm', 'HIGH', 'backend', 'r', 'health-check', 'open', now(), now(),
  null, null, '0'
);

insert into public.incidents (
  id, fingerprint, title, message, severity, category, rule, sender, status, first_seen, last_seen, resolved_at
)
select
  'INC-' || 100 + series.day as id,
  'health-check:target:api' as fingerprint,
  'old' as title,
  'm' as message,
  'HIGH'::public.incident_severity as severity,
  'backend'::public.incident_category as category,
  'r' as rule,
  'health-check' as sender,
  'resolved'::public.incident_status as status,
  now() - make_interval(days => 10 + series.day) as first_seen,
  now() - make_interval(days => 10 + series.day) as last_seen,
  now() - make_interval(days => 10 + series.day) as resolved_at
from generate_series(1, 60) as series (day);

insert into public.monitoring_checks (
  target, target_type, url, status, http_status, response_time_ms, error, service_status, is_maintenance, scheduled_at,
  completed_at
)
select
  'api' as target,
  'backend'::public.target_type as target_type,
  'https://secret-host.example/' as url,
  case when series.minute = 0 then 'down' else 'up' end::public.check_status as status,
  case when series.minute = 0 then 503 else 200 end as http_status,
  10 + series.minute as response_time_ms,
  case when series.minute = 0 then 'HTTP 503' end as error,
  case when series.minute = 0 then 'down' end::public.check_status as service_status,
  series.minute = 1 as is_maintenance,
  date_trunc('minute', now()) - make_interval(mins => series.minute) as scheduled_at,
  now() as completed_at
from generate_series(0, 24) as series (minute);

insert into monitoring.target_certificates (
  target, endpoint, next_look_at, looked_at, issuer, subject, names, not_after, problem
)
values ('api', 'secret-host.example:443', now(), now(), 'R11', 'api.example', '{api.example}', now(), 'it expired')
on conflict (target) do update
  set
    looked_at = excluded.looked_at,
    issuer = excluded.issuer,
    subject = excluded.subject,
    names = excluded.names,
    not_after = excluded.not_after,
    problem = excluded.problem;

set local role authenticated;

select is(
  (select jsonb_path_query_array(document, '$.outages[0 to 1]') from (select public.target_page('api') as document) as page),
  jsonb_build_array(
    jsonb_build_object(
      'incident_id', 'INC-1', 'title', 'api is down', 'severity', 'CRITICAL', 'status', 'open',
      'from', now() - interval '90 seconds', 'until', null, 'seconds', 90
    ),
    jsonb_build_object(
      'incident_id', 'INC-2', 'title', 'api is slow', 'severity', 'MEDIUM', 'status', 'resolved',
      'from', now() - interval '3 days', 'until', now() - interval '2 days', 'seconds', 4200
    )
  ),
  'outages are the incidents of the target, newest first, with the time that they were open'
);

select results_eq(
  $$ select jsonb_array_length(document -> 'outages'), document #>> '{outages,49,incident_id}' from (select public.target_page('api') as document) as page $$,
  $$ values (50, 'INC-148') $$,
  'at most 50 are listed'
);

select is(
  (select jsonb_path_query_array(document, '$.checks[0 to 1]') from (select public.target_page('api') as document) as page),
  jsonb_build_array(
    jsonb_build_object(
      'at', date_trunc('minute', now()), 'status', 'down', 'http_status', 503, 'response_time_ms', 10,
      'error', 'HTTP 503', 'seen_from', '["database", "service"]'::jsonb, 'is_maintenance', false
    ),
    jsonb_build_object(
      'at', date_trunc('minute', now()) - interval '1 minute', 'status', 'up', 'http_status', 200,
      'response_time_ms', 11, 'error', null, 'seen_from', '["database"]'::jsonb, 'is_maintenance', true
    )
  ),
  'checks say what was seen, and from where'
);

select is((select jsonb_array_length(document -> 'checks') from (select public.target_page('api') as document) as page), 20, 'the newest 20 are listed');

select is(
  (select document -> 'certificate' from (select public.target_page('api') as document) as page),
  jsonb_build_object(
    'expires_at', now(), 'issuer', 'R11', 'subject', 'api.example', 'names', '["api.example"]'::jsonb,
    'problem', 'it expired', 'looked_at', now()
  ),
  'the certificate is that which the service saw'
);

select results_eq(
  $$ select
       jsonb_array_length(document -> 'maintenance'),
       document -> 'maintenance' @> jsonb_build_array(
         jsonb_build_object('starts_at', date_trunc('minute', now()) + interval '3 hours')
       ),
       document -> 'maintenance' @> jsonb_build_array(
         jsonb_build_object('starts_at', date_trunc('minute', now()) + interval '1 hour')
       )
     from (select public.target_page('api') as document) as page $$,
  $$ values (16, true, false) $$,
  'maintenance is that of the target and of all: in progress, and on 14 days'
);

select throws_ok(
  $$ select public.target_page('API') $$, 'PT404', 'there is no target API', 'another name is not found, and case counts'
);

select throws_ok($$ select public.target_page(null) $$, 'PT400', null, 'and a name is required');

select * from finish();

rollback;
