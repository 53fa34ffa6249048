begin;

select plan(4);

insert into public.deployment_history (
  id, service, version, deployed_by, environment, status, started_at, finished_at, rollback_of, rollback_reason
)
overriding system value
values
(-1, 'ret', '1', 'p', 'production', 'succeeded', now() - interval '410 days', now() - interval '410 days', null, null),
(-2, 'ret', '2', 'p', 'production', 'succeeded', now() - interval '409 days', now() - interval '409 days', null, null),
(-3, 'ret', '1', 'p', 'production', 'rolled_back', now() - interval '408 days', now() - interval '408 days', -2, 'r'),
(-4, 'ret', '3', 'p', 'production', 'succeeded', now() - interval '407 days', now() - interval '407 days', null, null),
(-5, 'ret', '4', 'p', 'production', 'succeeded', now() - interval '399 days', now() - interval '399 days', null, null),
(-6, 'ret', '1', 'p', 'staging', 'succeeded', now() - interval '410 days', now() - interval '410 days', null, null);

insert into public.incidents (id, fingerprint, title, message, severity, category, rule, deployment_id)
values ('INC-1', 'ret', 't', 'm', 'LOW', 'backend', 'r', -4);

select is(
  monitoring.purge_deployments(10), 2::bigint,
  'deployments past their retention are deleted, but not one that a rollback or an incident refers to, nor the newest of '
  'its service and environment'
);

select is(monitoring.purge_deployments(10), 1::bigint, 'one whose rollback is gone is deleted next');

select results_eq(
  $$ select id from public.deployment_history where service = 'ret' order by id $$,
  $$ values (-6::bigint), (-5::bigint), (-4::bigint) $$,
  'the others stay'
);

select is(monitoring.purge_deployments(10), 0::bigint, 'purging again deletes nothing');

select * from finish();

rollback;
