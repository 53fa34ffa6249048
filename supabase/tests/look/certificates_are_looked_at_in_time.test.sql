begin;

select plan(8);

delete from monitoring.target_looks
where target_looks.id is not null;

delete from monitoring.target_certificates
where target is not null;

update public.system_config
set value = '[
  {"name": "tap site", "type": "frontend", "url": "https://a.example/"},
  {"name": "tap port", "type": "frontend", "url": "https://b.example:8443/?a=b:1"},
  {"name": "tap six", "type": "frontend", "url": "https://[2001:4860::1]/"},
  {"name": "tap plain", "type": "frontend", "url": "http://d.example/"},
  {"name": "tap off", "type": "frontend", "url": "https://e.example/", "enabled": false},
  {"name": "tap paused", "type": "frontend", "url": "https://f.example/", "is_paused": true},
  {"name": "tap back", "type": "frontend", "url": "https://g.example/", "is_paused": true,
    "paused_until": "2026-01-01T00:00"}
]'
where key = 'health_check_targets';

-- The service looks, and records the same of all.
create function monitoring.test_look(result jsonb)
returns text
language plpgsql
set search_path = ''
as $$
declare
  v_looks jsonb := public.take_looks();
begin
  perform public.record_looks(
    (
      select coalesce(jsonb_agg(result || jsonb_build_object('id', looks.item -> 'id')), '[]')
      from jsonb_array_elements(v_looks) as looks (item)
    )
  );
  return (
    select string_agg(looks.item ->> 'target', ', ' order by looks.item ->> 'target')
    from jsonb_array_elements(v_looks) as looks (item)
  );
end
$$;

create function monitoring.test_good()
returns jsonb
language sql
set search_path = ''
as $$
  select jsonb_build_object(
    'http_status', 200, 'certificate', jsonb_build_object('issuer', 'R11', 'not_after', now() + interval '80 days')
  )
$$;

create function monitoring.test_wait(hours integer)
returns void
language sql
set search_path = ''
as $$
  update monitoring.target_certificates
  set next_look_at = next_look_at - make_interval(hours => hours)
  where target is not null
$$;

select is(
  monitoring.test_look(monitoring.test_good()), 'tap back, tap port, tap site, tap six',
  'new targets are looked at once, but those that are not https, disabled or paused'
);

select results_eq(
  $$ select target, endpoint from monitoring.target_certificates order by target $$,
  $$
    values
    ('tap back', 'g.example:443'), ('tap port', 'b.example:8443'), ('tap site', 'a.example:443'),
    ('tap six', '[2001:4860::1]:443')
  $$,
  'the certificate is that of a host and port'
);

select is(
  array[
    monitoring.test_look(monitoring.test_good()),
    (select format('%s%s', monitoring.test_wait(5), monitoring.test_look(monitoring.test_good())))
  ],
  array[null, ''], 'nothing is due within 6 hours'
);

select is(
  (select format('%s%s', monitoring.test_wait(1), monitoring.test_look('{"error_kind": "connect"}'))),
  'tap back, tap port, tap site, tap six', 'all are due after 6 hours'
);

select is(
  array[
    monitoring.test_look(monitoring.test_good()),
    (
      select format(
        '%s%s', monitoring.test_wait(1), monitoring.test_look(
          monitoring.test_good() || '{"certificate": {"problem": "the certificate is self-signed"}}'
        )
      )
    )
  ],
  array[null, 'tap back, tap port, tap site, tap six'], 'after a look that saw no certificate they are due in an hour'
);

select is(
  (select format('%s%s', monitoring.test_wait(1), monitoring.test_look(monitoring.test_good()))),
  'tap back, tap port, tap site, tap six', 'after a problem too'
);

update public.system_config
set value = '[
  {"name": "tap site", "type": "frontend", "url": "https://a.example/other"},
  {"name": "tap port", "type": "frontend", "url": "https://b.example/"}
]'
where key = 'health_check_targets';

select is(
  array[
    monitoring.judge_certificates()::text, monitoring.test_look(monitoring.test_good())
  ],
  array['4', 'tap port'],
  'a changed host or port is due at once'
);

select is(
  (select string_agg(target, ', ' order by target) from monitoring.target_certificates), 'tap port, tap site',
  'certificates of removed targets are deleted'
);

select * from finish();

rollback;
