begin;

select plan(4);

create function monitoring.test_body(fields jsonb, content bytea, headers jsonb default '{}')
returns text
language sql
set search_path = ''
as $$
  select monitoring.find_unmet_body_condition(
    jsonb_populate_record(null::monitoring.probe_targets, test_body.fields), test_body.headers, test_body.content
  )
$$;

select is_empty(
  $$ select cases.fields from (values
     ('{}'::jsonb, null::bytea, '{}'::jsonb),
     ('{}', '\x1f8b08', '{"Content-Encoding": "gzip"}'),
     ('{"body_contains": "healthy"}', 'all healthy', '{"Content-Encoding": "identity"}'),
     ('{"body_contains": "ü"}', '\xffc3bcfe', '{}'),
     ('{"body_lacks": "error"}', 'fine', '{"content-encoding": ""}'),
     ('{"body_lacks": "error"}', null, '{}'),
     ('{"body_lacks": "error"}', '', '{"content-encoding": "br"}'),
     ('{"json_path": "$.a == 1"}', '{"a": 1}', 'null'),
     ('{"json_path": "$.a == 1"}', '\xefbbbf7b2261223a317d', '[]'),
     ('{"body_contains": "ok"}', 'ok', '{"Location": "/to", "Content-Encoding": "gzip"}')
     ) as cases (fields, content, headers)
     where monitoring.test_body(cases.fields, cases.content, cases.headers) is not null $$,
  'conditions that are met have no reason'
);

select results_eq(
  $$ select monitoring.test_body(cases.fields, cases.content) from (values
     ('{"body_contains": "healthy"}'::jsonb, 'Healthy'::bytea),
     ('{"body_contains": "healthy"}', null),
     ('{"body_contains": "healthy"}', ''),
     ('{"json_path": "$.a == 1"}', null),
     ('{"body_lacks": "error"}', 'an error'),
     ('{"body_contains": "ok", "body_lacks": "error", "json_path": "$.a == 1"}', 'ok {"a": 2}'),
     ('{"body_contains": "end"}', convert_to(repeat('x', 1048576) || 'end', 'UTF8')),
     ('{"body_lacks": "begin"}', convert_to('begin' || repeat('x', 1048576), 'UTF8'))
     ) as cases (fields, content) $$,
  $$ values
     ('the body does not contain "healthy"'),
     ('the body is empty, so it does not contain "healthy"'),
     ('the body is empty, so it does not contain "healthy"'),
     ('the body is empty, so it is no JSON'),
     ('the body contains "error"'),
     ('the body is no JSON: Token "ok" is invalid.'),
     ('the first MiB of the body does not contain "end"'),
     ('the first MiB of the body contains "begin"') $$,
  'the first condition that is not met is the reason'
);

select results_eq(
  $$ select monitoring.test_body(cases.fields, cases.content, cases.headers) from (values
     ('{"body_contains": "x"}'::jsonb, '\x1f8b08'::bytea, '{}'::jsonb),
     ('{"body_lacks": "x"}', '\x1f8b08', '{"Location": "/to"}'),
     ('{"json_path": "$.a == 1"}', '\x0b0280', '{"CONTENT-encoding": " BR "}'),
     ('{"body_contains": "x"}', 'x', '{"content-encoding": "deflate, gzip"}')
     ) as cases (fields, content, headers) $$,
  $$ values
     ('the body is compressed (gzip), so it cannot be searched'),
     ('the body is compressed (gzip), so it cannot be searched'),
     ('the body is compressed (br), so it cannot be searched'),
     ('the body is compressed (deflate, gzip), so it cannot be searched') $$,
  'no condition of a compressed body is met'
);

select results_eq(
  $$ select monitoring.find_unmet_condition(cases.target, cases.http_status, cases.headers, cases.content) from (values
     (jsonb_populate_record(null::monitoring.probe_targets, '{"expected_status": "{[204,205)}"}'), 200, '{}'::jsonb, ''::bytea),
     (jsonb_populate_record(null::monitoring.probe_targets, '{"expected_status": "{[999,1000)}"}'), 999, '{}', ''),
     (null, 500, null, null),
     (null, 204, null, null),
     (jsonb_populate_record(null::monitoring.probe_targets, '{"body_contains": "x"}'), 204, null, null),
     (jsonb_populate_record(
       null::monitoring.probe_targets, '{"body_contains": "x", "header_contains": {"x-a": "1"}}'
     ), 200, '{"X-A": "2"}', null),
     (jsonb_populate_record(null::monitoring.probe_targets, '{"header_contains": {"x-a": "1"}}'), 200, '{"Location": "/"}', null)
     ) as cases (target, http_status, headers, content) $$,
  $$ values
     ('responded with 200, expected 204'), (null), ('responded with 500, expected 200-399'), (null),
     ('the body is empty, so it does not contain "x"'), ('the header "x-a: 2" does not contain "1"'),
     ('the response has no header x-a (pg_net keeps the headers of the redirect, not of what it leads to)') $$,
  'the status comes first, then headers, then the body; without a target the usual status is expected'
);

select * from finish();

rollback;
