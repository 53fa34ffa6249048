begin;

select plan(7);

select is_empty(
  $$ select url from unnest(array[
       'https://sentry.io', 'https://sentry.io/a', 'http://sentry.io?a=b@c', 'https://acme.sentry.io/issues/1/?project=1#x',
       'HTTPS://A.B.Sentry.IO/x', 'https://sentry.io#@evil.example'
     ]) as url where not monitoring.is_allowed_link(url) $$,
  'links to Sentry and its subdomains are allowed'
);

select is_empty(
  $$ select url from unnest(array[
       'javascript:alert(1)//sentry.io', 'data:text/html,x', 'ftp://sentry.io/', '//sentry.io/', 'sentry.io', 'https:sentry.io',
       'https:/sentry.io', 'https:///sentry.io', ' https://sentry.io', e'java\nscript://sentry.io/%0aalert(1)', 'https://', ''
     ]) as url where monitoring.is_allowed_link(url) $$,
  'another scheme is not allowed'
);

select is_empty(
  $$ select url from unnest(array[
       'https://evil.example/', 'https://sentry.io@evil.example/', 'https://sentry.io:x@evil.example/', 'https://x@sentry.io/',
       'https://a@b.sentry.io/', 'https://evilsentry.io/', 'https://sentry.io.evil.example/', 'https://sentry.io./',
       'https://.sentry.io/', 'https://a..sentry.io/', 'https://sentry.io:8443/', 'https://acme.sentry.io:80/',
       e'https://evil.example\\.sentry.io/', e'https://sentry.io\\@evil.example/', 'https://evil.example%2f.sentry.io/',
       'https://évil.sentry.io/', 'https://ѕentry.io/', 'https://evil.example。sentry.io/', e'https://evil.example\t.sentry.io/',
       e'https://sentry.io/\u202e', e'https://sentry.io/\n', 'https://[::1].sentry.io/', 'https://evil.example?.sentry.io',
       'https://evil.example#.sentry.io', 'https://sentry.io/' || repeat('x', 2000)
     ]) as url where monitoring.is_allowed_link(url) $$,
  'another host, a user name, a port, or a character that browsers read in another way is not allowed'
);

create function monitoring.test_link(issue_id text, link text)
returns text
language plpgsql
set search_path = ''
as $$
declare
  v_answer jsonb := public.ingest_deliveries(jsonb_build_array(jsonb_build_object(
    'resource', 'issue', 'body_hash', gen_random_uuid(), 'body', jsonb_build_object(
      'action', 'created', 'data', jsonb_build_object(
        'issue', jsonb_build_object('id', test_link.issue_id, 'permalink', test_link.link)
      )
    )
  )));
begin
  return (
    select concat_ws(' ', coalesce(external_url, 'none'), context #>> '{sentry,link}')
    from public.incidents
    where id = v_answer #>> '{0,incident_id}'
  );
end
$$;

select is(
  monitoring.test_link('90061', 'https://acme.sentry.io/issues/90061/'), 'https://acme.sentry.io/issues/90061/',
  'an allowed link is stored'
);

select is(
  monitoring.test_link('90062', 'https://sentry.io@evil.example/'), 'none https://sentry.io@evil.example/',
  'another one is kept as text'
);

select throws_ok(
  $$ update public.system_config set value = '{"link_hosts": ["https://sentry.io"]}' where key = 'incident_policy' $$,
  '23514',
  'incident_policy.link_hosts must be a list of host names in lower case such as ["sentry.io", "sentry.example.com:9000"]'
  ' (hosts, with their subdomains, to which links of incidents may lead)',
  'a URL is not a host'
);

update public.system_config
set value = '{"link_hosts": ["errors.example.com:9000"]}'
where key = 'incident_policy';

select results_eq(
  $$ select monitoring.is_allowed_link(url) from unnest(array[
       'http://errors.example.com:9000/issues/1/', 'https://a.errors.example.com:9000/', 'https://errors.example.com/',
       'https://sentry.io/'
     ]) as url $$,
  $$ values (true), (true), (false), (false) $$,
  'the operator lists the hosts, with a port where it is not the default'
);

select * from finish();

rollback;
