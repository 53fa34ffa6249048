begin;

select plan(9);

create function pg_temp.problem(fields jsonb)
returns text
language sql
as $$
  select monitoring.find_webhook_problem(
    'incident_policy',
    jsonb_build_object('webhook_mappings', jsonb_build_object('shop', '{"fingerprint": "id", "message": "text"}'::jsonb || fields))
  )
$$;

select is(pg_temp.problem('{}'), null, 'a fingerprint and a message are enough');

select results_eq(
  $$ select pg_temp.problem(fields) like 'incident_policy.webhook_mappings.shop.' || problem || '%'
     from (values
       ('{"fingerprint": null}'::jsonb, 'fingerprint is missing: what identifies the problem'),
       ('{"message": "a..b"}', 'message has an empty member'),
       ('{"message": ["a", 5]}', 'message must be a path such as data.status'),
       ('{"message": []}', 'message must be between 1 and 5 items long'),
       ('{"message": "{a"}', 'message needs each path in braces of its own'),
       ('{"message": "a}"}', 'message has a brace that is not opened'),
       ('{"colour": "a"}', 'colour is unknown; the known fields are defaults, environment'),
       ('{"status": "s"}', 'resolved is missing, which status needs'),
       ('{"firing": ["x"]}', 'status is missing, which resolved and firing need'),
       ('{"items": "$.a"}', 'items must be the path of a list'),
       ('{"severities": {"p1": "BAD"}}', 'severities must give one of LOW, MEDIUM, HIGH, CRITICAL'),
       ('{"only_when": {"a": "x"}}', 'only_when must be an object of paths'),
       ('{"skip_when": {"a..b": ["x"]}}', 'skip_when has a path that has an empty member'),
       ('{"defaults": {"severity": "BAD"}}', 'defaults.severity must be one of LOW')
     ) as mappings (fields, problem) $$,
  'select true from generate_series(1, 14)',
  'each problem names its field'
);

select is(
  monitoring.find_webhook_problem('incident_policy', '{"webhook_mappings": {"Shop 1": {}}}'),
  'incident_policy.webhook_mappings has a name that is not 1 to 40 lower-case letters, digits and "-": use the name of the key'
  || ' in GENERIC_KEYS',
  'a mapping has the name of a key'
);

select is(
  monitoring.find_webhook_problem(
    'incident_policy', jsonb_build_object('webhook_mappings', (select jsonb_object_agg(n, '{}'::jsonb) from generate_series(1, 51) as n))
  ),
  'incident_policy.webhook_mappings must hold at most 50 mappings, and 65,536 bytes',
  'the number of mappings is limited'
);

select is(
  monitoring.find_mapping_problem(jsonb_build_object('message', repeat('x', 9000))), ' is longer than 8,192 bytes',
  'the size of a mapping is limited'
);

select alike(
  monitoring.find_webhook_problem('incident_policy', '{"deployment_services": {"acme/shop": 5}}'),
  'incident_policy.deployment_services must give the name of a service%',
  'services of repositories are names'
);

select results_eq(
  $$ values (monitoring.find_path_problem(repeat('a.', 30) || 'a')), (monitoring.find_path_problem('$.a.0')),
     (monitoring.find_expression_problem(repeat('{a}', 11))), (monitoring.find_expression_problem('x {a.b} y')),
     (monitoring.find_expression_problem('{a..b}')), (monitoring.find_expressions_problem('5')),
     (monitoring.find_condition_problem('{"a": ["x"]}')) $$,
  $$ values ('is longer than 200 characters or 20 members'), (null),
     ('is longer than 500 characters or has more than 10 paths in braces'), (null),
     ('has a path in braces that has an empty member: write names and positions with dots between them, such as data.alerts.0.status'),
     ('must be a path such as data.status, a text with paths in braces, or a list of them'), (null) $$,
  'paths and texts with paths'
);

select throws_like(
  $$ update public.system_config set value = '{"webhook_mappings": {"shop": {"fingerprint": "a", "message": "{}"}}}'
     where key = 'incident_policy' $$,
  'incident_policy.webhook_mappings.shop.message has a path in braces that has an empty member%',
  'a write of a wrong mapping is refused'
);

select lives_ok(
  $$ update public.system_config set value = '{"webhook_mappings": {"shop": {"fingerprint": "{a} {b.0}", "message": ["$.t", "u"],
       "status": "s", "resolved": ["ok"], "defaults": {"category": "database"}}}}' where key = 'incident_policy' $$,
  'a correct mapping is stored'
);

select * from finish();

rollback;
