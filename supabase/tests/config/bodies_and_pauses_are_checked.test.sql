begin;

select plan(9);

create function pg_temp.problem_of(fields jsonb) returns text
language sql
as $$
  select monitoring.find_target_problem('{"name": "a", "type": "other", "url": "https://a.example"}'::jsonb || problem_of.fields)
$$;

create function pg_temp.problem_of_body(body text, content_type text) returns text
language sql
as $$
  select pg_temp.problem_of(
    jsonb_build_object('method', 'POST', 'body', problem_of_body.body)
    || jsonb_strip_nulls(jsonb_build_object('content_type', problem_of_body.content_type))
  )
$$;

select is_empty(
  $$ select fields from unnest(array[
       '{"body": "{}"}', '{"method": "GET", "body": "{}"}', '{"method": null, "body": "", "content_type": "text/plain"}'
     ]) as fields
     where pg_temp.problem_of(fields::jsonb) is distinct from
       '.body is sent with the method POST only: set method to POST, or remove body' $$,
  'a body needs the method POST'
);

select is_empty(
  $$ select fields from unnest(array['{"content_type": "text/plain"}', '{"method": "POST", "content_type": "text/plain"}']) as fields
     where pg_temp.problem_of(fields::jsonb) is distinct from
       '.content_type is of no use without body: add body, or remove content_type' $$,
  'a content type needs a body'
);

select is_empty(
  $$ select body, content_type
     from (values ('{"a": 1}', null), ('[]', 'application/json'), ('"a"', 'application/json; charset=utf-8'),
       ('a=1', 'application/x-www-form-urlencoded'), ('', 'text/plain'), ('<a/>', 'text/xml;charset="utf-8"')) as given (body, content_type)
     where pg_temp.problem_of_body(body, content_type) is not null $$,
  'a body of its type is accepted'
);

select is_empty(
  $$ select body, content_type
     from (values ('{"a": 1', null), ('', null), ('a=1', 'application/json'), ('{a}', 'Application/JSON; charset=utf-8'),
       ('x', 'application/ld+json')) as given (body, content_type)
     where (pg_temp.problem_of_body(body, content_type) like
       '.body is no JSON, although content_type is %: correct body, or set content_type, such as text/plain') is not true $$,
  'one that is no JSON is refused where JSON is promised'
);

select is_empty(
  $$ select content_type from unnest(array['json', 'text/', 'text/plain charset=utf-8', e'text/plain\r\nX: y', 'text/plain;', ' ']) as content_type
     where pg_temp.problem_of_body('{}', content_type) is distinct from
       '.content_type must be a media type such as application/json or text/plain; charset=utf-8' $$,
  'a content type is a media type'
);

select is(
  pg_temp.problem_of('{"method": "POST", "body": "{}", "headers": {"content-type": "application/json"}}'),
  '.headers must not have Content-Type beside body: remove it, and set content_type',
  'the type of a body is said once'
);

select is_empty(
  $$ select fields from unnest(array[
       '{"paused_until": "2099-01-01T00:00"}', '{"paused_until": "2099-01-01T00:00", "is_paused": false}',
       '{"paused_until": "2099-01-01T00:00", "is_paused": null}'
     ]) as fields
     where pg_temp.problem_of(fields::jsonb) is distinct from
       '.paused_until is of no use unless is_paused is true: set is_paused to true, or remove paused_until' $$,
  'the end of a pause needs a pause'
);

select is(pg_temp.problem_of('{"paused_until": "2001-01-01T00:00", "is_paused": true}'), null, 'a pause may be over');

select results_eq(
  $$ select left(pg_temp.problem_of(fields::jsonb), 26) from unnest(array[
       '{"group": "a b", "tags": ["x", "y z"]}', '{"group": " a"}', '{"tags": ["x", ""]}', '{"tags": ["x "]}', '{"tags": null}',
       jsonb_build_object('tags', array[repeat('x', 51)])::text
     ]) with ordinality as given (fields, place) order by place $$,
  array[
    null, '.group must not begin or e', '.tags[1] must have 1 to 50', '.tags[0] must have 1 to 50', null,
    '.tags[0] must have 1 to 50'
  ]::text[],
  'a group and tags are plain words'
);

select * from finish();

rollback;
