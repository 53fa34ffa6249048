begin;

select plan(7);

update public.incidents
set fingerprint = id
where fingerprint like 'health-check:certificate:%';

delete from monitoring.target_certificates
where target is not null;

create function monitoring.test_end(targets jsonb)
returns text
language sql
set search_path = ''
as $$
  update public.system_config
  set value = '[{"name": "api", "type": "backend", "url": "https://a.example/"}]'
  where key = 'health_check_targets';
  insert into monitoring.target_certificates (target, endpoint, next_look_at, looked_at, not_after, judge_at)
  values ('api', 'a.example:443', now() + interval '1 hour', clock_timestamp(), now() + interval '5 days', now());
  select monitoring.judge_certificates();
  update public.system_config
  set value = targets
  where key = 'health_check_targets';
  select monitoring.judge_certificates();
  select concat_ws(': ', incidents.status, incidents.resolution)
  from public.incidents
  where incidents.fingerprint = 'health-check:certificate:api'
$$;

select is(
  monitoring.test_end('[]'), 'resolved: The certificate of this address is no longer watched.',
  'a removed target resolves the incident'
);

select is(
  monitoring.test_end('[{"name": "api", "type": "backend", "url": "https://a.example/", "enabled": false}]'),
  'resolved: The certificate of this address is no longer watched.', 'a disabled one too'
);

select is(
  monitoring.test_end('[{"name": "api", "type": "backend", "url": "https://a.example/", "is_paused": true}]'),
  'resolved: The certificate of this address is no longer watched.', 'a paused one too'
);

select is(
  monitoring.test_end('[{"name": "api", "type": "backend", "url": "http://a.example/"}]'),
  'resolved: The certificate of this address is no longer watched.', 'one that is not https any more too'
);

select is(
  monitoring.test_end('[{"name": "api", "type": "backend", "url": "https://b.example/"}]'),
  'resolved: The certificate of this address is no longer watched.', 'and one with another address'
);

select is(
  (select count(*) from monitoring.target_certificates), 0::bigint, 'their certificates are deleted'
);

select is(
  monitoring.test_end('[{"name": "api", "type": "backend", "url": "https://a.example/health"}]'), 'open',
  'another path has the same certificate'
);

select * from finish();

rollback;
