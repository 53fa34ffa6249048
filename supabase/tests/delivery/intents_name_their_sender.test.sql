begin;

select plan(9);

select is_empty(
  $$ select kind from unnest(monitoring.delivery_kinds()) as kinds (kind)
     where not exists (
       select from pg_catalog.pg_constraint
       where conname = 'kind_is_known' and strpos(pg_get_constraintdef(pg_constraint.oid), quote_literal(kind)) > 0
     ) $$,
  'the table takes each kind that is read'
);

select results_eq(
  $$ select monitoring.delivery_sender('sentry', null), monitoring.delivery_sender('generic', 'shop'),
       monitoring.name_delivery_sender('uptime-kuma'), monitoring.name_delivery_sender('generic:shop') $$,
  $$ values ('sentry', 'generic:shop', 'Uptime Kuma', 'shop') $$, 'a delivery has the sender of its kind or key'
);

select results_eq(
  $$ select monitoring.delivery_fingerprint('grafana', 'c6eadffa33fcdf37'), monitoring.delivery_fingerprint('grafana', null),
       length(monitoring.delivery_fingerprint('generic:shop', 'a b')) $$,
  $$ values ('grafana:c6eadffa33fcdf37', null::text, 77) $$, 'an id is kept, any other value is hashed'
);

select results_eq(
  $$ select
       monitoring.read_delivery_time('sentry', '2026-01-01Z', '2026-01-03Z'),
       monitoring.read_delivery_time('grafana', '2026-01-02 12:00Z', '2026-01-03Z'),
       monitoring.read_delivery_time('grafana', '2025-01-02Z', '2026-01-03Z'),
       monitoring.read_delivery_time('grafana', null, '2026-01-03Z') $$,
  $$ values ('2026-01-03Z'::timestamptz, '2026-01-02 12:00Z'::timestamptz, '2026-01-02Z'::timestamptz, '2026-01-03Z'::timestamptz) $$,
  'alerts are ordered by their own time of the last 24 hours'
);

select results_eq(
  $$ select (intent).sender, (intent).verb, (intent).sent_at, (intent).external_url,
       (intent).report #>> '{context,grafana,link}'
     from (
       select monitoring.read_intent(
         'grafana', null, 'grafana', 'firing',
         '{"status": "firing", "fingerprint": "a", "labels": {"alertname": "A"}, "generatorURL": "https://elsewhere.example/a",
           "startsAt": "2026-01-02T12:00:00Z"}',
         '2026-01-03Z'
       ) as intent
     ) as read $$,
  $$ values ('grafana', 'count', '2026-01-02 12:00Z'::timestamptz, null::text, 'https://elsewhere.example/a') $$,
  'an intent names its sender, and links to allowed hosts only'
);

select results_eq(
  $$ select alert_position, alert from monitoring.split_delivery('alertmanager', null, '{"alerts": [{"a": 1}, 2]}') $$,
  $$ values (1, '{"a": 1, "notification": {}}'::jsonb), (2, '{"notification": {}}'::jsonb) $$,
  'a notification is split into its alerts'
);

select results_eq(
  $$ select alert_position, alert from monitoring.split_delivery('grafana', null, '{"ruleId": 1}')
     union all
     select alert_position, alert from monitoring.split_delivery('sentry', null, '{"action": "created"}') $$,
  $$ values (1, '{"ruleId": 1}'::jsonb), (1, '{"action": "created"}'::jsonb) $$, 'other bodies are one alert'
);

select results_eq(
  $$ select monitoring.trim_delivery_body('sentry', '{"data": {"event": {"modules": {"a": "1"}}}}') #> '{data,event,modules}',
       monitoring.trim_delivery_body('grafana', '{"modules": 1}'), monitoring.trim_delivery_body('grafana', '[1]') $$,
  $$ values (null::jsonb, '{"modules": 1}'::jsonb, '{}'::jsonb) $$, 'only bodies of Sentry are trimmed'
);

select results_eq(
  $$ select monitoring.hash_alert('h', 1, now(), 'grafana', now()) = 'h',
       monitoring.hash_alert('h', 1, null, 'sentry', now()) = 'h',
       monitoring.hash_alert('h', 2, now(), 'grafana', now()) in ('h', monitoring.hash_alert('h', 3, now(), 'grafana', now())),
       monitoring.hash_alert('h', 1, null, 'grafana', now()) = monitoring.hash_alert('h', 1, null, 'grafana', now()),
       monitoring.hash_alert('h', 1, null, 'grafana', now()) = monitoring.hash_alert('h', 1, null, 'grafana', now() - interval '1 second') $$,
  $$ values (true, true, false, true, false) $$, 'a body without a time is another one at each arrival'
);

select * from finish();

rollback;
