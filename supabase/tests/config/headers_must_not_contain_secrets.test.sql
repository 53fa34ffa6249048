begin;

select plan(7);

create function pg_temp.find_headers_problem(headers jsonb) returns text
language sql
as $$
  select monitoring.find_target_problem(
    jsonb_build_object('name', 'a', 'url', 'https://a.example', 'headers', find_headers_problem.headers)
  )
$$;

select throws_ok(
  $$ update public.system_config
     set value = '[{"name": "a", "type": "other", "url": "https://a.example", "headers": {"Authorization": "x"}}]'
     where key = 'health_check_targets' $$,
  '23514', $m$health_check_targets[0].headers.Authorization looks like a secret, and the configuration is stored in plain text: store the value as a secret, and name it in secret_headers$m$,
  'a header that carries a secret is rejected'
);

select is_empty(
  $$ select name from unnest(array[
       'authorization', 'Proxy-Authorization', 'Cookie', 'X-Api-Key', 'apikey', 'X-Auth-Token', 'X-Secret', 'Password'
     ]) as name
     where (pg_temp.find_headers_problem(jsonb_build_object(name, 'x')) like '%looks like a secret%') is not true $$,
  'every known name of such a header is rejected'
);

select is_empty(
  $$ select value from unnest(array[
       'Bearer abcdef0123456789abcdef', 'postgres://u:pw@db.example/x', 'someone@example.com',
       'eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abcdefghijkl'
     ]) as value
     where (pg_temp.find_headers_problem(jsonb_build_object('X-Probe', value)) like '%looks like a secret%') is not true $$,
  'a secret in another header is rejected'
);

select is_empty(
  $$ select name from unnest(array['', 'X Probe', 'X-Probe:', e'X\r\nY', 'Ä', repeat('x', 101)]) as name
     where (
       pg_temp.find_headers_problem(jsonb_build_object(name, 'x')) like '.headers has a name that HTTP does not allow: %'
     ) is not true $$,
  'an invalid header name is rejected'
);

select is_empty(
  $$ select value from unnest(array['1', 'null', 'true', '{}', '"a\r\nB: c"', to_jsonb(repeat('x ', 251))::text]) as value
     where pg_temp.find_headers_problem(jsonb_build_object('X-Probe', value::jsonb)) is distinct from
       '.headers.X-Probe must be a string of at most 500 characters without control characters' $$,
  'a value that is not one line of text is rejected'
);

select is(
  pg_temp.find_headers_problem('{"content-type": "text/plain"}'),
  '.headers.content-type must be application/json: remove it, and set content_type next to body',
  'a content type that pg_net does not send is rejected'
);

select lives_ok(
  $$ update public.system_config
     set value = '[{"name": "a", "type": "other", "url": "https://a.example", "headers":
       {"X-Probe": "1", "Accept": "text/html, */*", "Content-Type": "application/json"}}]'
     where key = 'health_check_targets' $$,
  'ordinary headers are accepted'
);

select * from finish();

rollback;
