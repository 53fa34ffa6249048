begin;

select plan(8);

select throws_ok(
  $$ insert into public.deployment_history (service, version, deployed_by)
     values (' ', '1', 'ci') $$,
  '23514', monitoring.describe_row_rule('public.deployment_history', 'service_is_not_blank'),
  'a blank service is rejected'
);

select throws_ok(
  $$ insert into public.deployment_history (service, version, deployed_by)
     values ('api', ' ', 'ci') $$,
  '23514', monitoring.describe_row_rule('public.deployment_history', 'version_is_not_blank'),
  'a blank version is rejected'
);

select throws_ok(
  $$ insert into public.deployment_history (service, version, deployed_by, commit_hash)
     values ('api', '1', 'ci', 'main') $$,
  '23514', monitoring.describe_row_rule('public.deployment_history', 'commit_hash_is_a_hash'),
  'a branch instead of a commit hash is rejected'
);

select throws_ok(
  $$ insert into public.deployment_history (service, version, deployed_by, test_results)
     values ('api', '1', 'ci', '[]') $$,
  '23514', monitoring.describe_row_rule('public.deployment_history', 'test_results_is_an_object'),
  'test results that are not an object are rejected'
);

select throws_ok(
  $$ insert into public.deployment_history (service, version, deployed_by, status, finished_at)
     values ('api', '1', 'ci', 'failed', now() - interval '1 second') $$,
  '23514', monitoring.describe_row_rule('public.deployment_history', 'finished_at_is_not_before_started_at'),
  'finished before started is rejected'
);

select throws_ok(
  $$ insert into public.deployment_history (service, version, deployed_by, status)
     values ('api', '1', 'ci', 'succeeded') $$,
  '23514', monitoring.describe_row_rule('public.deployment_history', 'finished_deployments_say_when'),
  'succeeded without a time is rejected'
);

select throws_ok(
  $$ insert into public.deployment_history (service, version, deployed_by, rollback_reason)
     values ('api', '1', 'ci', 'slow') $$,
  '23514', monitoring.describe_row_rule('public.deployment_history', 'rollbacks_say_why'),
  'a reason without a rollback is rejected'
);

select throws_ok(
  $$ insert into public.deployment_history (id, service, version, deployed_by, rollback_of, rollback_reason)
     overriding system value values (1, 'api', '1', 'ci', 1, 'slow') $$,
  '23514', monitoring.describe_row_rule('public.deployment_history', 'deployments_do_not_roll_back_themselves'),
  'a deployment that rolls back itself is rejected'
);

select * from finish();

rollback;
