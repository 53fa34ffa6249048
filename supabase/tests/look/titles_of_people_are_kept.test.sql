begin;

select plan(4);

update public.incidents
set fingerprint = id
where fingerprint like 'health-check:certificate:%';

delete from monitoring.target_certificates
where target is not null;

update public.system_config
set value = '[{"name": "api", "type": "backend", "url": "https://a.example/"}]'
where key = 'health_check_targets';

create function monitoring.test_judged(days_left integer, has_looked boolean default false)
returns text
language sql
set search_path = ''
as $$
  insert into monitoring.target_certificates as known (target, endpoint, next_look_at, looked_at, not_after, judge_at)
  values (
    'api', 'a.example:443', now() + interval '1 hour', clock_timestamp(), now() + make_interval(days => days_left), now()
  )
  on conflict (target) do update
    set
      looked_at = case when has_looked then excluded.looked_at else known.looked_at end,
      not_after = excluded.not_after,
      judge_at = now();
  select monitoring.judge_certificates();
  select concat_ws(' ', incidents.status, incidents.severity, incidents.title)
  from public.incidents
  where incidents.fingerprint = 'health-check:certificate:api'
$$;

select is(
  monitoring.test_judged(9), 'open MEDIUM The certificate of api expires in 9 days', 'the incident is named by the days'
);

update public.incidents
set title = 'Renew the certificate with Ann'
where fingerprint = 'health-check:certificate:api';

select is(
  monitoring.test_judged(5), 'open HIGH Renew the certificate with Ann', 'a title that a person wrote stays'
);

update public.incidents
set status = 'resolved', resolved_at = clock_timestamp(), resolved_by = 'ann'
where fingerprint = 'health-check:certificate:api';

select is(
  monitoring.test_judged(5), 'resolved HIGH Renew the certificate with Ann',
  'what a person resolved stays resolved until something changes'
);

select is(
  monitoring.test_judged(5, true), 'open HIGH The certificate of api expires in 5 days',
  'or until the next look finds it again'
);

select * from finish();

rollback;
