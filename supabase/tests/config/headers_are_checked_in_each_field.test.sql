begin;

select plan(11);

insert into monitoring.secrets (name, value)
values ('tap-header', e'Bearer abc\n'), ('tap-two-lines', e'a\nb'), ('tap-empty', '');

-- Writes a target and returns what is said of it, or null.
create function pg_temp.problem_of(fields jsonb) returns text language plpgsql as $$
begin
  update public.system_config
  set value = jsonb_build_array('{"name": "a", "type": "other", "url": "https://a.example"}'::jsonb || fields)
  where key = 'health_check_targets';
  return null;
exception
  when check_violation then
    return replace(sqlerrm, monitoring.describe_secret_creation(), '<statement>');
end
$$;

select is_empty(
  $$ select name, field from unnest(array['User-Agent', 'user-agent', 'Host', 'Connection', 'Content-Length']) as name
     cross join unnest(array['headers', 'secret_headers']) as field
     where pg_temp.problem_of(jsonb_build_object(field, jsonb_build_object(name, 'tap-header'))) is distinct from
       format('health_check_targets[0].%s.%s is set by pg_net: remove the header', field, name) $$,
  'a header that pg_net sets itself is refused'
);

select is_empty(
  $$ select name, field from unnest(array['Accept-Encoding', 'accept-encoding']) as name
     cross join unnest(array['headers', 'secret_headers']) as field
     where pg_temp.problem_of(jsonb_build_object(field, jsonb_build_object(name, 'tap-header'))) is distinct from
       format('health_check_targets[0].%s.%s asks for a compressed body, which pg_net does not decompress, so that no '
         'text would be found in it: remove the header', field, name) $$,
  'so is one that asks for a compressed body'
);

select is_empty(
  $$ select name, field from unnest(array['', 'X Probe', 'X:', 'Ä']) as name
     cross join unnest(array['headers', 'secret_headers', 'header_contains']) as field
     where (
       pg_temp.problem_of(jsonb_build_object(field, jsonb_build_object(name, 'tap-header')))
       like 'health_check_targets[0].' || field || ' has a name that HTTP does not allow: %'
     ) is not true $$,
  'names must be those of headers in each field'
);

select is_empty(
  $$ select fields from unnest(array[
       '{"headers": {"X-A": "1", "x-a": "2"}}', '{"headers": {"x-a": "1"}, "secret_headers": {"X-A": "tap-header"}}',
       '{"header_contains": {"Vary": "a", "vary": "b"}}'
     ]) as fields
     where (pg_temp.problem_of(fields::jsonb) like '% is there twice: names of headers ignore case, so remove one') is not true $$,
  'a header must not be there twice'
);

select is(
  pg_temp.problem_of('{"headers": {"Vary": "a"}, "header_contains": {"vary": "a", "Server": "nginx"}}'), null,
  'headers of the request and of the response do not collide'
);

select is_empty(
  $$ select value from unnest(array['1', 'null', 'true', '{}', '["a"]', '"a\r\nB: c"', to_jsonb(repeat('x', 501))::text]) as value
     where pg_temp.problem_of(jsonb_build_object('header_contains', jsonb_build_object('Server', value::jsonb))) is distinct from
       'health_check_targets[0].header_contains.Server must be a string of at most 500 characters without control characters' $$,
  'the text to find is one line'
);

select is(
  pg_temp.problem_of('{"header_contains": {"Server": ""}}'),
  'health_check_targets[0].header_contains.Server is empty, and every header contains that: write the text to find',
  'and not empty'
);

select is_empty(
  $$ select secret from unnest(array['"Bearer abc"', '"x y"', '17', 'null', '{}', '""']) as secret
     where pg_temp.problem_of(jsonb_build_object('secret_headers', jsonb_build_object('Authorization', secret::jsonb))) is distinct from
       'health_check_targets[0].secret_headers.Authorization must be the name of a secret, of letters, digits, "_", "-" and '
       '".", not its value. Create the secret with <statement> and write its name' $$,
  'a value in place of the name of a secret is refused, and not quoted'
);

select results_eq(
  $$ select pg_temp.problem_of(jsonb_build_object('secret_headers', jsonb_build_object('Authorization', secret)))
     from unnest(array['tap-missing', 'tap-two-lines', 'tap-empty', 'tap-header']) with ordinality as given (secret, place)
     order by place $$,
  array[
    'health_check_targets[0].secret_headers.Authorization names no secret that exists. Create it with <statement> and write '
    'its name, not its value',
    'health_check_targets[0].secret_headers.Authorization names a secret whose value is no header: it is empty, or has line '
    'breaks or characters beyond ASCII',
    'health_check_targets[0].secret_headers.Authorization names a secret whose value is no header: it is empty, or has line '
    'breaks or characters beyond ASCII',
    null
  ],
  'the secret must exist and be a header'
);

delete from monitoring.secrets
where name = 'tap-header';

select results_eq(
  $$ select pg_temp.problem_of(fields::jsonb) is null from unnest(array[
       '{"secret_headers": {"Authorization": "tap-header"}, "is_paused": true}',
       '{"secret_headers": {"X-Key": "tap-header"}, "is_paused": true}'
     ]) with ordinality as given (fields, place) order by place $$,
  array[true, false],
  'a target whose secret was removed can still be paused, but no other header can name it'
);

select lives_ok(
  $$ update public.system_config
     set value = value || '[{"name": "b", "type": "other", "url": "https://b.example"}]'
     where key = 'health_check_targets' $$,
  'nor does it stop a change of another target'
);

select * from finish();

rollback;
