begin;

select plan(8);

delete from monitoring.service_settings;

update public.system_config
set value = value - 'incident_url'
where key = 'incident_policy';

create function pg_temp.read_url() returns text
language sql
as $$
  select value ->> 'incident_url' from public.system_config where key = 'incident_policy'
$$;

select results_eq(
  $$ select public.write_service_url('https://a.example/')
     union all
     select public.write_service_url('https://a.example') $$,
  $$ values ('{"result": "written"}'::jsonb), ('{"result": "unchanged"}') $$,
  'the first start writes the link, a second one does not'
);

select is(pg_temp.read_url(), 'https://a.example/incidents/{id}', 'notifications link to the page of the incident');

select is(
  public.write_service_url('https://b.example/below/a-path') ->> 'result', 'written', 'a new address replaces that of the service'
);

select is(
  monitoring.find_incident_link('INC-1'), 'https://b.example/below/a-path/incidents/INC-1', 'which may be below a path'
);

update public.system_config
set value = value || '{"incident_url": "https://mine.example/{id}"}'
where key = 'incident_policy';

select results_eq(
  $$ select public.write_service_url('https://b.example') $$,
  $$ values ('{"result": "kept", "reason": "it was edited by hand"}'::jsonb) $$,
  'the link of a person stays'
);

update public.system_config
set value = value - 'incident_url'
where key = 'incident_policy';

select results_eq(
  $$ select public.write_service_url('https://b.example') ->> 'reason', pg_temp.read_url() $$,
  $$ values ('it was removed by hand', null) $$,
  'and one that a person removed stays away'
);

delete from monitoring.service_settings;

update public.system_config
set value = value || '{"incident_url": "https://mine.example/{id}"}'
where key = 'incident_policy';

select results_eq(
  $$ select public.write_service_url('https://b.example') ->> 'result', pg_temp.read_url() $$,
  $$ values ('kept', 'https://mine.example/{id}') $$,
  'so does one that was there before'
);

select is_empty(
  $$ select addresses.url
     from unnest(array[
       null, '', 'b.example', 'ftp://b.example', 'https://user@b.example', 'https://b.example/?a=1', 'https://b.example/#a',
       'https://b.example/{id}', e'https://b.example/\n', 'javascript:alert(1)', 'https://b.example/' || repeat('x', 2000)
     ]) as addresses (url)
     where public.write_service_url(addresses.url) ->> 'result' <> 'refused' $$,
  'what is no address of a service is refused'
);

select * from finish();

rollback;
