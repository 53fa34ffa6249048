begin;

select plan(4);

insert into monitoring.secrets (name, value)
values ('test_probe_key', 'tr0ub4dor'), ('test_missing_key', 'tr0ub4dor');

update public.system_config
set value = '[
  {"name": "empty", "type": "other", "url": "https://empty.example/", "method": "POST"},
  {"name": "json", "type": "other", "url": "https://json.example/", "method": "POST", "body": "{\"a\": [1, \"é\"]}"},
  {"name": "soap", "type": "other", "url": "https://soap.example/", "method": "POST", "body": "<é/>",
   "content_type": "text/xml"},
  {"name": "secret", "type": "other", "url": "https://secret.example/", "headers": {"X-Plain": "1"},
   "secret_headers": {"X-Key": "test_probe_key"}},
  {"name": "missing", "type": "other", "url": "https://missing.example/",
   "secret_headers": {"X-Key": "test_missing_key"}}
]'
where key = 'health_check_targets';

delete from monitoring.secrets
where name = 'test_missing_key';

select is(monitoring.start_round('2020-01-01 10:00+00'), 5, 'each target has a check');

select results_eq(
  $$ select probes.target, convert_from(queue.body, 'UTF8') collate "default" as body,
       queue.headers ->> 'Content-Type' as content_type
     from net.http_request_queue as queue
     join monitoring.probes on probes.request_id = queue.id
     where queue.method = 'POST'
     order by probes.target $$,
  $$ values
     ('empty', '{}', 'application/json'),
     ('json', '{"a": [1, "é"]}', 'application/json'),
     ('soap', '<é/>', 'text/xml') $$,
  'bodies are sent with their content type'
);

select is(
  (
    select queue.headers
    from net.http_request_queue as queue
    inner join monitoring.probes on queue.id = probes.request_id
    where probes.target = 'secret'
  ),
  '{"X-Plain": "1", "X-Key": "tr0ub4dor"}'::jsonb, 'a header is sent with the value of its secret'
);

select results_eq(
  $$ select probes.request_id, probes.error
     from monitoring.probes
     where probes.target = 'missing' $$,
  $$ values (
       null::bigint, 'could not be sent: the secret ''test_missing_key'' does not exist or is empty'
     ) $$,
  'a missing secret is named'
);

select * from finish();

rollback;
