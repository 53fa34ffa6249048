begin;

select plan(2);

insert into public.deployment_history (service, version, deployed_by, status, started_at, finished_at)
values
('api', '1', 'ci', 'succeeded', now() - interval '5 minutes', now()),
('web', '1', 'ci', 'in_progress', now(), null);

select results_eq(
  $$ select duration from public.deployment_history where service = 'api' $$,
  $$ values (interval '5 minutes') $$,
  'duration is from start to finish'
);

select results_eq(
  $$ select duration from public.deployment_history where service = 'web' $$,
  $$ values (null::interval) $$,
  'a running deployment has no duration yet'
);

select * from finish();

rollback;
