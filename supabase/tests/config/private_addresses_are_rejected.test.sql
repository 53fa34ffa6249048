begin;

select plan(6);

create function pg_temp.write_target(url text) returns void
language sql
as $$
  update public.system_config
  set value = jsonb_build_array(jsonb_build_object('name', 'a', 'type', 'other', 'url', write_target.url))
  where key = 'health_check_targets'
$$;

select throws_ok(
  $$ select pg_temp.write_target('http://169.254.169.254/latest/meta-data') $$,
  '23514', $m$health_check_targets[0].url is on a private, loopback or link-local address; set health_check_policy.allow_private to true first$m$,
  'an address of a private network is rejected'
);

select is_empty(
  $$ select url from unnest(array[
       'http://2852039166/', 'http://0251.0376.0251.0376/', 'http://0xa9fea9fe:80', 'http://127.1?x', 'http://localhost#x',
       'http://[::1]/', 'http://[::ffff:a9fe:a9fe]:8080/', 'http://Metadata.Google.INTERNAL./', 'http://127.0.0.1./'
     ]) as url
     where (
       monitoring.find_targets_problem(jsonb_build_array(jsonb_build_object('name', 'a', 'url', url)), false)
         like '%].url is on a private, loopback or link-local address;%'
     ) is not true $$,
  'every spelling of it is rejected'
);

select throws_ok(
  $$ select pg_temp.write_target('http://%31%32%37.0.0.1/') $$,
  '23514', $m$health_check_targets[0].url has no usable host: write a name in plain ASCII or an address, and a port up to 65535$m$,
  'a URL with an ambiguous host is rejected'
);

update public.system_config
set value = '{"allow_private": true}'
where key = 'health_check_policy';

select lives_ok(
  $$ select pg_temp.write_target('http://localhost:8080/') $$,
  'allow_private permits private addresses'
);

select throws_ok(
  $$ update public.system_config set value = '{"allow_private": false}' where key = 'health_check_policy' $$,
  '23514', $m$health_check_policy.allow_private is needed: health_check_targets[0].url is on a private, loopback or link-local address; set health_check_policy.allow_private to true first$m$,
  'allow_private cannot be revoked while a target needs it'
);

select throws_ok(
  $$ update public.system_config set value = '{}' where key = 'health_check_policy' $$,
  '23514', $m$health_check_policy.allow_private is needed: health_check_targets[0].url is on a private, loopback or link-local address; set health_check_policy.allow_private to true first$m$,
  'allow_private cannot be removed while a target needs it'
);

select * from finish();

rollback;
