begin;

select plan(5);

create function monitoring.test_path(path text, body text)
returns text
language sql
set search_path = ''
as $$
  select monitoring.find_unmet_json_path(test_path.path, convert_to(test_path.body, 'UTF8'))
$$;

select is_empty(
  $$ select cases.path from (values
     ('$.status == "ok"', '{"status": "ok"}'),
     ('$.queue < 10 && $.workers[*].busy == false', '{"queue": 9, "workers": [{"busy": true}, {"busy": false}]}'),
     ('$[*].name like_regex "^API" flag "i"', '[{"name": "api-1"}]'),
     ('$ == true', 'true'),
     ('exists($.data)', ' {"data": null} ')
     ) as cases (path, body)
     where monitoring.test_path(cases.path, cases.body) is not null $$,
  'a predicate that is true is met'
);

select results_eq(
  $$ select monitoring.test_path(cases.path, cases.body) from (values
     ('$.status == "ok"', '{"status": "degraded"}'),
     ('$.status == "ok"', '{}'),
     ('strict $.status == "ok"', '[1]'),
     ('$.queue.size() < 3', '{"queue": [1, 2, 3, 4]}'),
     ('$.checks[*].ok == true', '{"checks": [{"ok": false}, {"ok": null}]}'),
     ('$.n < 10', '{"n": "many"}'),
     ('$.a == 1 && $.b == 2', '{"a": 1, "b": 3}'),
     ('$.text == "x"', '{"text": "' || repeat('long ', 300) || '"}')
     ) as cases (path, body) $$,
  $$ values
     ('the body does not satisfy $.status == "ok": $.status is "degraded"'),
     ('the body does not satisfy $.status == "ok": $.status is missing'),
     ('the body does not satisfy strict $.status == "ok": strict $.status is missing'),
     ('the body does not satisfy $.queue.size() < 3: $.queue.size() is 4'),
     ('the body does not satisfy $.checks[*].ok == true: $.checks[*].ok is [false, null]'),
     ('the body does not satisfy $.n < 10: $.n is "many"'),
     ('the body does not satisfy $.a == 1 && $.b == 2'),
     ('the body does not satisfy $.text == "x": $.text is a value of 1502 bytes') $$,
  'the reason says what was found instead'
);

select results_eq(
  $$ select monitoring.describe_operand(cases.document, cases.operand) from (values
     ('{"password": "hunter2hunter2"}'::jsonb, '$.password'),
     ('{"the token": "hunter2hunter2"}', '$."the token"'),
     ('{"password": {"value": ["hunter2hunter2"]}}', '$.password.value[0]'),
     ('{"passwords": ["hunter2hunter2", "hunter3hunter3"]}', '$.passwords[*]'),
     ('{"a": {"api_key": "hunter2hunter2"}}', '$.a'),
     ('{"a": [{"token": ["hunter2hunter2", "hunter3hunter3"]}]}', '$.a'),
     ('{"a": "Bearer hunter2hunter2"}', '$.a'),
     ('{"a": 1}', '$.a +'),
     ('{"a": 1}', '$no')
     ) as cases (document, operand) $$,
  $$ values
     ('$.password is [redacted]'), ('$."the token" is [redacted]'), ('$.password.value[0] is [redacted]'),
     ('$.passwords[*] is [redacted]'), ('$.a is {"api_key": "[redacted]"}'), ('$.a is [{"token": "[redacted]"}]'),
     ('$.a is "Bearer [redacted]"'), (null), (null) $$,
  'secrets are redacted, and what is no path is not described'
);

select results_eq(
  $$ select monitoring.test_path(cases.path, cases.body) from (values
     ('$.a ==', '{}'),
     ('$.a', '{"a": 1}'),
     ('$no == 1', '{"a": 1}'),
     ('$.at.datetime() < "2020-01-01".datetime()', '{"at": "2021-01-01 00:00:00+00"}')
     ) as cases (path, body) $$,
  $$ values
     ('the body does not satisfy $.a ==: syntax error at end of jsonpath input'),
     ('the body does not satisfy $.a: single boolean result is expected'),
     ('the body does not satisfy $no == 1: could not find jsonpath variable "no"'),
     ('the body does not satisfy $.at.datetime() < "2020-01-01".datetime(): '
      'cannot convert value from date to timestamptz without time zone usage') $$,
  'a path that fails is not satisfied'
);

select is_empty(
  $$ select cases.body from (values
     ('<html>'::bytea), ('{"a":'), ('{"a": 1} x'), ('\xff'), ('\x7b00'), ('\x7b2261223a2022e9227d'),
     (convert_to('{"a": "\u0000"}', 'UTF8')), ('{"a": 1e999999999}'),
     (convert_to(repeat('[', 200000), 'UTF8')), (convert_to(repeat('{"a":', 200000), 'UTF8')),
     (convert_to(repeat('9', 1000000), 'UTF8')), (convert_to(repeat(' ', 1048577), 'UTF8'))
     ) as cases (body)
     where monitoring.find_unmet_json_path('$.a == 1', cases.body)
       !~ '^the body (is no JSON: .|is larger than 1 MiB, so it is not read as JSON$)' $$,
  'what is no JSON is a reason, whatever its bytes are'
);

select * from finish();

rollback;
