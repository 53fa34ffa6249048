begin;

select plan(4);

select results_eq(
  $$ select encode(monitoring.read_header(cases.headers, cases.name), 'escape') from (values
     ('{"Server": "nginx", "X-Other": "1"}'::jsonb, 'server'),
     ('{"server": "nginx"}', 'SERVER'),
     ('{"x": "1", "X": "2"}', 'x'),
     ('{"x": null}', 'x'),
     ('{"xx": "1"}', 'x'),
     ('{"x": {"y": 1}}', 'x'),
     ('[]', 'x'), ('"x"', 'x'), ('null', 'x')
     ) as cases (headers, name) $$,
  $$ values ('nginx'), ('nginx'), ('2, 1'), (null), (null), ('{"y": 1}'), (null), (null), (null) $$,
  'a header is found whatever the case of its name, and no form of headers raises'
);

select is(
  monitoring.read_answer_headers(
    '{"Server": "nginx", "X-Other": "1", "retry-after": "5"}', '{server,retry-after,location}'
  ),
  '{"server": "nginx", "retry-after": "5"}'::jsonb, 'headers with these names are kept'
);

select results_eq(
  $$ select monitoring.find_unmet_header(cases.wanted, cases.headers) from (values
     ('{"X-Version": "2."}'::jsonb, '{"x-version": "2.1"}'::jsonb),
     ('{"X-Version": "3"}', '{"x-version": "2.1"}'),
     ('{"X-Version": "3"}', '{}'),
     ('{"X-Version": "3"}', null),
     ('{"b": "1", "a": "1"}', '{"a": "2", "b": "2"}'),
     ('{"content-type": "JSON"}', '{"Content-Type": "application/json"}'),
     ('{"set-cookie": "theme"}', '{"Set-Cookie": "sid=hunter2hunter2; Path=/"}'),
     ('{}', '{}'), (null, null)
     ) as cases (wanted, headers) $$,
  $$ values
     (null),
     ('the header "X-Version: 2.1" does not contain "3"'),
     ('the response has no header X-Version'),
     ('the response has no header X-Version'),
     ('the header "a: 2" does not contain "1"'),
     ('the header "content-type: application/json" does not contain "JSON"'),
     ('the header "set-cookie: [redacted]" does not contain "theme"'),
     (null), (null) $$,
  'the reason says what the header was, without secrets'
);

select results_eq(
  $$ select monitoring.set_content_type(cases.headers, cases.content_type) from (values
     ('{"Content-Type": "text/html", "x": "1"}'::jsonb, 'application/json'),
     ('{}', 'text/plain'), ('{"Content-Type": "text/html"}', null), (null, 'text/plain'), ('[]', 'text/plain')
     ) as cases (headers, content_type) $$,
  $$ values
     ('{"content-type": "application/json", "x": "1"}'::jsonb), ('{"content-type": "text/plain"}'),
     ('{"Content-Type": "text/html"}'), (null), ('[]') $$,
  'the content type is that of the last response'
);

select * from finish();

rollback;
