begin;

select plan(5);

update public.incidents
set fingerprint = id
where fingerprint like 'health-check:certificate:%';

delete from monitoring.target_certificates
where target is not null;

update public.system_config
set value = '[{"name": "api", "type": "backend", "url": "https://a.example/"}]'
where key = 'health_check_targets';

create function monitoring.test_maintain(is_on boolean)
returns void
language sql
set search_path = ''
as $$
  update public.system_config
  set value = case
    when is_on then jsonb_build_object(
      'maintenance_windows', jsonb_build_array(
        jsonb_build_object(
          'starts_at', to_char(now() at time zone 'UTC' - interval '1 hour', 'YYYY-MM-DD"T"HH24:MI'),
          'ends_at', to_char(now() at time zone 'UTC' + interval '1 hour', 'YYYY-MM-DD"T"HH24:MI')
        )
      )
    )
    else '{}'
  end
  where key = 'health_check_policy';
$$;

create function monitoring.test_judged()
returns text
language sql
set search_path = ''
as $$
  update monitoring.target_certificates
  set judge_at = now()
  where target = 'api';
  select monitoring.judge_certificates();
  select string_agg(concat_ws(' ', incidents.status, incidents.severity, incidents.title), ', ')
  from public.incidents
  where incidents.fingerprint = 'health-check:certificate:api'
$$;

insert into monitoring.target_certificates (target, endpoint, next_look_at, looked_at, not_after)
values ('api', 'a.example:443', now() + interval '1 hour', clock_timestamp(), now() + interval '8 days');

select monitoring.test_maintain(true) as done;

select is(monitoring.test_judged(), null, 'no incident opens during maintenance');

select ok(
  (
    select judge_at between clock_timestamp() and clock_timestamp() + interval '1 minute'
    from monitoring.target_certificates
    where target = 'api'
  ),
  'the certificate is judged again within a minute'
);

select monitoring.test_maintain(false) as done;

select is(
  monitoring.test_judged(), 'open MEDIUM The certificate of api expires in 8 days', 'it opens after the maintenance'
);

select monitoring.test_maintain(true) as done;

update monitoring.target_certificates
set not_after = now() + interval '6 days'
where target = 'api';

select is(
  monitoring.test_judged(), 'open HIGH The certificate of api expires in 6 days',
  'an incident that is open is raised during maintenance too'
);

update monitoring.target_certificates
set not_after = now() + interval '90 days'
where target = 'api';

select is(
  monitoring.test_judged(), 'resolved HIGH The certificate of api expires in 6 days', 'and resolved'
);

select * from finish();

rollback;
