begin;

select plan(2);

update monitoring.job_runs
set ran_at = '2020-01-01'
where job = 'monitoring-health-checks';

select is(monitoring.run_health_checks(), 0, 'without targets nothing is sent');

select ok(
  (
    select ran_at > now() - interval '1 minute' from monitoring.job_runs
    where job = 'monitoring-health-checks'
  ),
  'the run is recorded'
);

select * from finish();

rollback;
