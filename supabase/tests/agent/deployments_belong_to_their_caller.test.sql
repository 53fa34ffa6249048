begin;

select plan(7);

create function monitoring.test_as(sub text)
returns void
language sql
set search_path = ''
as $$
  select set_config('request.jwt.claims', jsonb_build_object('role', 'authenticated', 'sub', test_as.sub)::text, true);
$$;

create temporary table deployed (id bigint) on commit drop;

select throws_ok(
  $$ select monitoring.test_as(null), public.record_deployment_started('tap', '1') $$,
  'PT403', 'the access token names no user', 'a token without a subject records no deployment'
);

select monitoring.test_as('ann');

insert into deployed values (public.record_deployment_started('tap', '1', deployed_by => 'ben'));

select results_eq(
  $$ select deployed_by, caller from public.deployment_history where service = 'tap' $$,
  $$ values ('ben', 'user:ann') $$,
  'the caller is recorded beside the label'
);

select monitoring.test_as('ben');

select throws_ok(
  $$ select public.record_deployment_finished(id, true) from deployed $$, 'PT403', null, 'another caller cannot record its end'
);

select throws_ok(
  $$ select public.record_deployment_rolled_back(id, 'r', '0') from deployed $$,
  'PT403', null, 'nor roll it back while it runs'
);

select monitoring.test_as('ann');

select is((public.record_deployment_finished((select id from deployed), true)).status, 'succeeded', 'its caller can');

select monitoring.test_as('ben');

select ok(
  public.record_deployment_rolled_back((select id from deployed), 'r', '0') > 0,
  'a finished deployment is rolled back by anybody'
);

select is(
  (
    select caller from public.deployment_history
    where rollback_of = (select id from deployed)
  ), 'user:ben', 'under its own name'
);

select * from finish();

rollback;
