begin;

select plan(10);

update public.system_config
set value = jsonb_build_object('webhook_mappings', '{
  "tap": {
    "fingerprint": "{data.id} {data.place.0}", "message": ["data.title", "{data.name} is {data.state}"], "status": "data.state",
    "firing": ["Open"], "resolved": ["Closed"], "severity": "data.level", "severities": {"bad": "HIGH"},
    "timestamp": "data.at", "link": "data.link", "skip_when": {"data.test": ["true"]}, "only_when": {"data.kind": ["Alert", "7"]},
    "defaults": {"source": "shop", "category": "database", "severity": "LOW"}
  },
  "tap-list": {"items": "data.alerts", "fingerprint": "id", "message": "$.title"}
}'::jsonb)
where key = 'incident_policy';

create function pg_temp.read(fields jsonb)
returns monitoring.delivery_intent
language sql
as $$
  select monitoring.read_generic_alert(
    'tap',
    jsonb_build_object(
      'data', '{"id": 7, "place": ["berlin"], "name": "Shop", "state": "open", "kind": "alert", "level": "BAD",
        "at": "2026-11-20T10:00:00Z", "link": "https://monitor.example/7"}'::jsonb || fields
    )
  )
$$;

select is(
  (pg_temp.read('{}')).report,
  '{"error": {"message": "Shop is open"}, "source": "shop", "severity": "HIGH", "category": "database",
    "context": {"generic": {"monitor": "tap", "status": "open", "severity": "BAD"}}}',
  'a report has what the paths find, else the defaults'
);

select results_eq(
  $$ select (pg_temp.read(fields)).verb, (pg_temp.read(fields)).details ->> 'problem'
     from (values
       (1, '{}'::jsonb), (2, '{"state": "CLOSED"}'), (3, '{"state": "seen"}'), (4, '{"state": {}}'), (5, '{"id": null}'),
       (6, '{"test": true}'), (7, '{"kind": "news"}'), (8, '{"name": " "}'), (9, '{"kind": 7, "title": "T"}')
     ) as bodies (number, fields) order by number $$,
  $$ values ('count', null), ('resolve', null), (null, 'its status is in neither firing nor resolved of the mapping: seen'),
     (null, 'the mapping finds no status'), (null, 'the mapping finds no fingerprint'), (null, 'skip_when of the mapping applies'),
     (null, 'only_when of the mapping does not apply'), (null, 'the mapping finds no message'), ('count', null) $$,
  'what is not understood says why'
);

select results_eq(
  $$ select intent.occurred_at, intent.external_url, starts_with(intent.fingerprint, 'generic:tap:')
     from pg_temp.read('{}') as intent $$,
  $$ values ('2026-11-20 10:00:00+00'::timestamptz, 'https://monitor.example/7', true) $$,
  'time, link and fingerprint'
);

select results_eq(
  $$ select alert_position, alert
     from monitoring.split_generic_delivery('tap-list', '{"title": "T", "data": {"alerts": [{"id": 1}, 5]}}') $$,
  $$ values (1, '{"item": {"id": 1}, "body": {"title": "T", "data": {}}}'::jsonb),
     (2, '{"item": 5, "body": {"title": "T", "data": {}}}') $$,
  'a list is split into its items'
);

select results_eq(
  $$ select max(alert_position), (array_agg(alert order by alert_position desc))[1]
     from monitoring.split_generic_delivery(
       'tap-list', jsonb_build_object('data', jsonb_build_object('alerts', (select jsonb_agg(n) from generate_series(1, 250) as n)))
     ) $$,
  $$ values (201, '{"omitted": 50}'::jsonb) $$,
  'more than 200 items are not read'
);

select results_eq(
  $$ select intent.verb, intent.report #>> '{error,message}', intent.report ->> 'source', intent.details ->> 'problem'
     from (values (1, '{"item": {"id": 1}, "body": {"title": "T"}}'::jsonb), (2, '{"omitted": 50}'), (3, '{"title": "T"}'))
       as alerts (number, alert)
     cross join lateral monitoring.read_generic_alert('tap-list', alert) as intent order by number $$,
  $$ values ('count', 'T', 'tap-list', null), (null, null, null, 'only the first 200 items were read: 50 are missing'),
     (null, null, null, 'it has no list at data.alerts') $$,
  'paths begin in the item, or with $. in the body'
);

select is(
  monitoring.find_generic_problem('tap-none', null, '{}', '{}', '{}'),
  'incident_policy.webhook_mappings has no mapping tap-none',
  'a key without a mapping requests nothing'
);

select results_eq(
  $$ values
     (monitoring.read_mapped_value('a.0', '{"a": [false]}', null)),
     (monitoring.read_mapped_text('["a", "b"]', '{"b": 1.5}', null)),
     (monitoring.read_mapped_text('"{a}-{b}"', '{"b": 1}', null)),
     (monitoring.has_word('["Up"]', 'UP')::text),
     (monitoring.meets_conditions('{"a": ["x"], "b": ["y"]}', true, '{"b": "Y"}', null)::text),
     (monitoring.meets_conditions('{"a": ["x"], "b": ["y"]}', false, '{"b": "Y"}', null)::text) $$,
  $$ values ('false'), ('1.5'), (null), ('true'), ('true'), ('false') $$,
  'paths, texts and conditions'
);

select is(
  monitoring.describe_generic_alert('tap', '{"message": "m", "severity": "s"}', '{"m": "M", "s": "P1"}', '{}') ->> 'severity',
  'CRITICAL',
  'the usual words for severities need no list'
);

select lives_ok(
  $$ select monitoring.read_generic_alert(name, body), monitoring.split_generic_delivery(name, body)
     from (values ('tap'), ('tap-list'), ('none')) as names (name)
     cross join (values ('null'::jsonb), ('[]'), ('"x"'), ('7'), ('{"data": []}'), ('{"item": 5, "body": []}'),
       ('{"data": {"id": {}, "place": {"0": []}, "state": [1], "alerts": {}}}'),
       ('{"data": {"id": 1e300, "place": ["x"], "state": "open", "kind": 7, "title": "T", "at": 1e300, "level": [], "link": 5}}')
     ) as bodies (body) $$,
  'values of wrong types do not raise'
);

select * from finish();

rollback;
