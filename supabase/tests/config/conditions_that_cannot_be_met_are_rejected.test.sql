begin;

select plan(10);

create function pg_temp.problem_of(fields jsonb) returns text
language sql
as $$
  select monitoring.find_target_problem('{"name": "a", "type": "other", "url": "https://a.example"}'::jsonb || problem_of.fields)
$$;

select throws_ok(
  $$ update public.system_config
     set value = '[{"name": "a", "type": "other", "url": "https://a.example", "expected_status": [200, 302]}]'
     where key = 'health_check_targets' $$,
  '23514', 'health_check_targets[0].expected_status[1] is 302, and no check ends with it, because redirects are followed: '
  'write the status of the page that they lead to, such as 200',
  'a status of a redirect is refused, because redirects are followed'
);

select is_empty(
  $$ select status from unnest(array['301', '302', '303', '307', '308', '"302"', '"301-303"', '"307-308"', '"302-302"']) as status
     where (
       pg_temp.problem_of(jsonb_build_object('expected_status', jsonb_build_array(status::jsonb)))
       like '.expected_status[0] is %, because redirects are followed: %'
     ) is not true $$,
  'so is each of them, and a range of them'
);

select is_empty(
  $$ select status from unnest(array['100', '101', '"100-199"', '"102-103"']) as status
     where (
       pg_temp.problem_of(jsonb_build_object('expected_status', jsonb_build_array(status::jsonb)))
       like '.expected_status[0] is %, which is never the last response: %'
     ) is not true $$,
  'and an interim status'
);

select is_empty(
  $$ select status from unnest(array['200', '300', '304', '305', '"200-399"', '"301-304"', '"303-307"', '"100-200"', '599', '204']) as status
     where pg_temp.problem_of(jsonb_build_object('expected_status', jsonb_build_array(status::jsonb))) is not null $$,
  'a range that has other statuses as well is accepted'
);

select results_eq(
  $$ select pg_temp.problem_of(fields::jsonb) from unnest(array[
       '{"expected_status": [204], "body_contains": "ok"}',
       '{"expected_status": ["204-205", 304], "jsonb_path": "$.a == 1"}',
       '{"expected_status": [204, 200], "body_contains": "ok"}',
       '{"expected_status": [204], "body_lacks": "error"}'
     ]) with ordinality as given (fields, place) order by place $$,
  array[
    '.body_contains cannot be met: responses with the statuses in expected_status have no body',
    '.jsonb_path cannot be met: responses with the statuses in expected_status have no body',
    null,
    null
  ],
  'a response without body meets no condition on its text'
);

select results_eq(
  $$ select pg_temp.problem_of(fields::jsonb) from unnest(array[
       '{"body_contains": "not ok", "body_lacks": "ok"}', '{"body_contains": "ok", "body_lacks": "not ok"}'
     ]) with ordinality as given (fields, place) order by place $$,
  array['.body_lacks is part of body_contains, so no response meets both: correct one of them', null],
  'the two conditions on the text must not exclude each other'
);

select is_empty(
  $$ select path from unnest(array[
       '$.status == "ok"', 'exists($.version)', '!($.a == 1)', '($.a > 1) is unknown', '$.queue.size() < 100',
       '$.items[*].state like_regex "^ok"', 'strict $.a == 1', '$.a.b > 1 && $.c != null', 'lax $[0] starts with "a"', '$ == true',
       '$.a[*] == $.b', '$."a b" == 1'
     ]) as path
     where monitoring.find_json_path_problem(path) is not null $$,
  'a path that is true or false is accepted'
);

select is_empty(
  $$ select path from unnest(array[
       '$.status', '$', '$.a[*] ? (@ > 1)', '$.a + 1', 'strict $.a.b', '$.size()', '$.type()', 'lax $.a', '$.**'
     ]) as path
     where (monitoring.find_json_path_problem(path) like
       'finds a value, but says nothing about it: write a comparison, such as $.status == "ok", %') is not true $$,
  'one that only finds a value is refused, with what to write'
);

select results_eq(
  $$ select left(monitoring.find_json_path_problem(path), 24) from unnest(array[
       'status == "ok"', '$.status = "ok"', '$.', '', '$.a like_regex "("', '$.a like_regex "a" flag "z"', '$.a == $b', 'true', '1 == 1'
     ]) with ordinality as given (path, place) order by place $$,
  array[
    'is no valid SQL/JSON pat', 'is no valid SQL/JSON pat', 'is no valid SQL/JSON pat',
    'is no valid SQL/JSON pat', 'is no valid SQL/JSON pat', 'is no valid SQL/JSON pat',
    'must not use variables: ', 'does not look at the bod', 'does not look at the bod'
  ],
  'what is no path, or looks at nothing, is refused'
);

select results_eq(
  $$ select pg_temp.problem_of(fields::jsonb) from unnest(array[
       '{"max_response_ms": 5000}', '{"max_response_ms": 60000, "timeout_ms": null}', '{"max_response_ms": 900, "timeout_ms": 800}',
       '{"max_response_ms": 4999}', '{"max_response_ms": 700, "timeout_ms": 800}', '{"max_response_ms": null, "timeout_ms": 100}'
     ]) with ordinality as given (fields, place) order by place $$,
  array[
    '.max_response_ms is never exceeded, as an attempt fails after 5000 ms (timeout_ms): write fewer, or remove it',
    '.max_response_ms is never exceeded, as an attempt fails after 5000 ms (timeout_ms): write fewer, or remove it',
    '.max_response_ms is never exceeded, as an attempt fails after 800 ms (timeout_ms): write fewer, or remove it',
    null,
    null,
    null
  ],
  'a response time beyond the timeout is refused'
);

select * from finish();

rollback;
