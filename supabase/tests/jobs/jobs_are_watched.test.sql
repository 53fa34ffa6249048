begin;

select plan(7);

-- postgres may not write the log of pg_cron: tests/integration/health_checks/test_job_watch.py counts failed runs.
delete from cron.job_run_details;

delete from monitoring.watched_jobs;

select ok(monitoring.can_read_job_log(), 'the log can be read');

select is_empty('select * from monitoring.count_failed_runs()', 'without runs no job fails');

select monitoring.open_job_incident('health-check:job:monitoring-anchor-audit', 'The job fails', 'key sk_live_0123456789abcdefghij');

select results_eq(
  $$ select title, severity::text, sender, rule, strpos(message, 'sk_live') from public.incidents
     where fingerprint = 'health-check:job:monitoring-anchor-audit' $$,
  $$ values ('The job fails', 'HIGH', 'health-check', 'health_check', 0) $$,
  'an incident about a job is one of ours, without secrets'
);

insert into monitoring.watched_jobs (job, last_run_id, failed_runs)
values ('monitoring-anchor-audit', 0, 3), ('a job of earlier days', 0, 3);

select is(monitoring.watch_job_runs(), array['monitoring-anchor-audit'], 'jobs that are scheduled are watched');

update monitoring.watched_jobs
set failed_runs = 0;

select monitoring.watch_jobs();

select results_eq(
  $$ select status::text, resolution from public.incidents where fingerprint = 'health-check:job:monitoring-anchor-audit' $$,
  $$ values ('resolved', 'The job succeeded, or is not scheduled any more.') $$,
  'the incident is resolved when it does not fail any more'
);

select results_eq(
  $$ select succeeded_at >= now() from monitoring.job_runs where job = 'monitoring-watch-jobs' $$, array[true],
  'the watch notes its run'
);

select throws_ok(
  $$ insert into monitoring.watched_jobs (job, last_run_id, failed_runs) values ('j', 1, -1) $$, '23514',
  'new row for relation "watched_jobs" violates check constraint "failed_runs_are_not_negative"',
  'failed_runs_are_not_negative'
);

select * from finish();

rollback;
