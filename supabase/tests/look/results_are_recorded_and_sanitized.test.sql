begin;

select plan(5);

update public.system_config
set value = '[{"name": "tap shop", "type": "backend", "url": "https://a.example/"}]'
where key = 'health_check_targets';

delete from monitoring.target_looks
where target_looks.id is not null;

insert into monitoring.target_looks (target, purpose, due_at, endpoint)
values ('tap shop', 'certificate', clock_timestamp() + interval '1 minute', 'a.example:443');

select lives_ok(
  $$
    select public.record_looks(
      (
        select jsonb_agg(
          jsonb_build_object(
            'id', id, 'http_status', 200, 'response_time_ms', 41.6, 'first_byte_ms', 12, 'headers', '{"server": "s"}'::jsonb,
            'addresses', '["192.0.2.1", "2001:DB8::1", "fe80::1%eth0"]'::jsonb,
            'certificate', jsonb_build_object(
              'issuer', e'CN=R11,\nO=Let''s Encrypt', 'subject', 'CN=a.example',
              'names', (select jsonb_agg(format('n%s.example', place)) from generate_series(1, 150) as places (place)),
              'not_before', '2026-01-01T00:00:00Z', 'not_after', '9999-12-31T23:59:59Z', 'problem', null
            )
          )
        )
        from monitoring.target_looks
      )
    )
  $$,
  'a complete result is recorded'
);

select results_eq(
  $$
    select status::text, http_status, response_time_ms, first_byte_ms, addresses
    from monitoring.target_looks
    where target = 'tap shop'
  $$,
  $$ values ('up', 200, 42, 12, '{192.0.2.1,2001:db8::1,fe80::1}'::text[]) $$,
  'with times and addresses'
);

select results_eq(
  $$
    select issuer, subject, not_before, cardinality(names), names[150], problem
    from monitoring.target_certificates
    where target = 'tap shop'
  $$,
  $$
    values (
      'CN=R11, O=Let''s Encrypt', 'CN=a.example', '2026-01-01 00:00:00+00'::timestamptz, 100, null::text, null::text
    )
  $$,
  'and the certificate, on one line and with 100 names at most'
);

select results_eq(
  $$ select expires_at, days_left > 2000000, problem from public.certificate_status where target = 'tap shop' $$,
  $$ values ('9999-12-31 23:59:59+00'::timestamptz, true, null::text) $$,
  'which the view shows'
);

select is(
  array[
    (monitoring.read_look_certificate('{"certificate": {"issuer": "R11", "not_after": null}}')).problem,
    monitoring.read_look_certificate('{"certificate": {"issuer": null, "names": [], "not_after": null}}')::text
  ],
  array['the certificate has no end that can be read', null],
  'one without an end has a problem; one of which nothing can be read is none'
);

select * from finish();

rollback;
