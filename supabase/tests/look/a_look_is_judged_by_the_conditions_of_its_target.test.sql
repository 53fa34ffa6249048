begin;

select plan(8);

delete from monitoring.target_looks
where target_looks.id is not null;

update public.system_config
set value = '[
  {"name": "tap shop", "type": "backend", "url": "http://a.example/", "expected_status": [200], "body_contains": "ok",
    "max_response_ms": 500}
]'
where key = 'health_check_targets';

create function monitoring.test_judge(result jsonb, purpose text default 'confirm')
returns text
language sql
set search_path = ''
as $$
  delete from monitoring.target_looks where target_looks.target = 'tap shop';
  insert into monitoring.probes (target, target_type, url, scheduled_at)
  select 'tap shop', 'backend', 'http://a.example/', clock_timestamp();
  insert into monitoring.target_looks (target, purpose, check_id, due_at)
  select 'tap shop', purpose, max(probes.id), clock_timestamp() + interval '10 seconds'
  from monitoring.probes
  where probes.target = 'tap shop';
  select public.record_looks(
    (select jsonb_build_array(result || jsonb_build_object('id', max(target_looks.id))) from monitoring.target_looks)
  );
  select concat_ws(': ', target_looks.status, target_looks.problem)
  from monitoring.target_looks
  where target_looks.target = 'tap shop';
$$;

select is(
  monitoring.test_judge('{"http_status": 200, "body": "it is ok", "response_time_ms": 20.4}'), 'up',
  'a response that meets the conditions is up'
);

select is(
  monitoring.test_judge('{"http_status": 500, "body": "it is ok", "response_time_ms": 20}'),
  'down: responded with 500, expected 200', 'another status is down'
);

select is(
  array[
    monitoring.test_judge('{"http_status": 200, "body": "it is not", "response_time_ms": 20}'),
    monitoring.test_judge('{"http_status": 200, "body": "it is not", "response_time_ms": 20}', 'certificate')
  ],
  array['down: the body does not contain "ok"', 'up'],
  'a body without the text is down; whoever looks at a certificate does not read it'
);

select is(
  monitoring.test_judge('{"http_status": 200, "body": "it is ok", "response_time_ms": 501}'),
  'degraded: responded in 501 ms, expected at most 500 ms', 'a slow response is degraded'
);

select is(
  array[
    monitoring.test_judge('{"error_kind": "tls", "problem": "the certificate is self-signed"}'),
    monitoring.test_judge('{"error_kind": "timeout", "http_status": 200}'),
    monitoring.test_judge('{"error_kind": "dns"}'),
    monitoring.test_judge('{"error_kind": "connect"}'),
    monitoring.test_judge('{"error_kind": "protocol"}'),
    monitoring.test_judge('{"error_kind": "tls"}')
  ],
  array[
    'down: the certificate is self-signed', 'down: timed out', 'down: the name of the host cannot be resolved',
    'down: no connection', 'down: no valid HTTP response', 'down: no TLS connection'
  ],
  'a failure is down, also in the middle of a response'
);

select is(
  monitoring.test_judge('{"error_kind": "private_address", "http_status": 302}'),
  'unknown: the service does not connect to private addresses', 'a private address is unknown'
);

select is(
  monitoring.test_judge('{"error_kind": "connect", "problem": "cookie: session=0123456789abcdef0123456789abcdef"}'),
  'down: cookie: [redacted]', 'what the target said is sanitized'
);

update public.system_config
set value = '[]'
where key = 'health_check_targets';

select is(
  monitoring.test_judge('{"http_status": 200}'), 'unknown: the target was removed', 'a removed target is unknown'
);

select * from finish();

rollback;
