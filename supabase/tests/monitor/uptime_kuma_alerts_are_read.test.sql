begin;

select plan(8);

create temporary table bodies (name text, body jsonb) on commit drop;

insert into bodies
select
  beats.name,
  jsonb_build_object(
    'heartbeat', jsonb_build_object(
      'monitorID', 7, 'status', beats.status, 'time', '2026-11-20 10:00:00.123', 'msg', 'connect ECONNREFUSED'
    ),
    'monitor', jsonb_build_object(
      'id', 7, 'name', 'Shop', 'type', beats.type, 'url', 'https://', 'hostname', 'db.internal',
      'tags', '[{"name": "Environment", "value": "staging"}, {"name": 7}, null, {"name": "severity", "value": "warning"}]'::jsonb
    )
  ) as body
from (
  values ('down', '0', 'http'), ('up', '1', 'http'), ('pending', '2', 'http'), ('maintenance', '3', 'http')
) as beats (name, status, type);

select results_eq(
  $$ select name, intent.verb, intent.fingerprint, intent.occurred_at
     from bodies cross join lateral monitoring.read_uptime_kuma_alert(body) as intent order by name $$,
  $$ values
     ('down', 'count', 'uptime-kuma:7', '2026-11-20 10:00:00.123+00'::timestamptz), ('maintenance', null, null, null),
     ('pending', null, null, null), ('up', 'resolve', 'uptime-kuma:7', '2026-11-20 10:00:00.123+00') $$,
  'down counts, up resolves, other states request nothing; the time is in UTC'
);

select results_eq(
  $$ select (monitoring.read_uptime_kuma_alert(body)).report #>> '{error,message}' from bodies where name = 'down' $$,
  $$ values ('Shop is down: connect ECONNREFUSED') $$,
  'the message has the name of the monitor'
);

select results_eq(
  $$ select (monitoring.read_uptime_kuma_alert(body)).report - 'error' - 'context' from bodies where name = 'down' $$,
  $$ values ('{"source": "uptime-kuma", "severity": "MEDIUM", "category": "infrastructure", "environment": "staging"}'::jsonb) $$,
  'tags give severity and environment; the empty URL is left out'
);

select is(
  monitoring.read_kuma_tags('{"tags": [{"name": "Service", "value": 5}, {"name": "x"}, "y"]}'), '{"service": "5", "x": null}',
  'tags are read by their names in lower case'
);

select results_eq(
  $$ select report ->> 'severity', report ->> 'category'
     from (values ('postgres'), ('http')) as types (type)
     cross join lateral monitoring.describe_uptime_kuma_alert(jsonb_build_object('type', type), '{}') as report
     order by type $$,
  $$ values ('HIGH', 'infrastructure'), ('CRITICAL', 'database') $$,
  'without a tag the type of the monitor decides'
);

select is(
  (monitoring.read_uptime_kuma_alert('{"heartbeat": null, "monitor": null, "msg": "Webhook Testing"}')).details ->> 'problem',
  'it has no heartbeat: a test, or the notice of an expiring certificate',
  'a test says why nothing happened'
);

select is(
  (monitoring.read_uptime_kuma_alert('{"heartbeat": {"status": 0}}')).verb, null, 'without a monitor nothing happens'
);

select lives_ok(
  $$ select monitoring.read_uptime_kuma_alert(jsonb_build_object('heartbeat', a, 'monitor', b, 'msg', a))
     from (values ('null'::jsonb), ('[]'), ('"x"'), ('7'), ('true'), ('{"status": [], "time": {}, "tags": 5}'),
       ('{"status": "0", "id": {}, "monitorID": "x", "time": "9999-99-99", "tags": [[], {}, {"name": {}}]}'),
       ('{"status": 0, "id": 1e300, "time": 1e300, "url": 5, "type": []}')) as left_values (a)
     cross join (values ('null'::jsonb), ('[]'), ('"x"'), ('{"status": 0, "id": 1e300, "tags": {"name": 1}}')) as right_values (b) $$,
  'values of wrong types do not raise'
);

select * from finish();

rollback;
