begin;

select plan(8);

create temporary table deployed (name text, id bigint) on commit drop;

insert into deployed values ('first', public.record_deployment_started('tap-shop', '1.0', 'ABCDEF1'));

select is(
  (public.record_deployment_finished((select id from deployed), true, '{"passed": 12}')).status, 'succeeded',
  'a deployment finishes with success'
);

select throws_ok(
  format('select public.record_deployment_finished(%s, true)', (select id from deployed)), 'PT409', null, 'a deployment finishes once'
);

insert into deployed values ('second', public.record_deployment_started('tap-shop', '2.0'));

select public.report_error('{"error": {"message": "m"}, "source": "tap-shop", "fingerprint": "after"}');

select public.report_error(
  '{"error": {"message": "m"}, "source": "tap-shop", "fingerprint": "elsewhere", "environment": "staging"}'
);

select results_eq(
  $$ select context ->> 'fingerprint', deployment_id from public.incidents
     where source = 'tap-shop' order by context ->> 'fingerprint' $$,
  format('values (%L, %s::bigint), (%L, null)', 'after', (
    select id from deployed
    where name = 'second'
  ), 'elsewhere'),
  'an incident is linked to the latest deployment of its service and environment'
);

insert into deployed
select
  'back' as name,
  public.record_deployment_rolled_back(id, 'it burns') as id
from deployed
where name = 'second';

select results_eq(
  $$ select version, status::text, rollback_reason, rollback_of is not null
     from public.deployment_history where service = 'tap-shop' order by id $$,
  $$ values ('1.0', 'succeeded', null, false), ('2.0', 'rolled_back', null, false), ('1.0', 'succeeded', 'it burns', true) $$,
  'a rollback is recorded as a deployment of the previous version'
);

select throws_ok(
  $$ select public.record_deployment_rolled_back(-1, 'r') $$, 'PT404', 'there is no deployment -1', 'the rollback of an unknown deployment is rejected'
);

select throws_ok(
  $$ select public.record_deployment_started('s', 'v', 'no hash') $$,
  'PT400', 'commit_hash must be 7 to 64 hexadecimal digits', 'an invalid commit hash is rejected'
);

select throws_ok(
  $$ select public.record_deployment_started(' ', 'v') $$, 'PT400', 'service is missing', 'a blank service is rejected'
);

select throws_ok(
  $$ select public.record_deployment_finished(-1, true) $$, 'PT404', 'there is no deployment -1', 'the end of an unknown deployment is rejected'
);

select * from finish();

rollback;
