begin;

select plan(4);

insert into monitoring.probes (
  target, target_type, scheduled_at, sent_at, request_id, answer_due_at, retry_until, answered_at
)
values (
  'api', 'other', now(), now() + interval '40 seconds', -18, now() + interval '2 minutes', now() + interval '3 minutes',
  now() + interval '41 seconds'
);

select is(monitoring.remove_future_checks(), 0::bigint, 'a check of this minute stays');

insert into monitoring.job_runs (job, ran_at, succeeded_at)
values ('a-job', now() + interval '1 hour', now() + interval '1 hour');

select is(monitoring.remove_future_checks(), 0::bigint, 'also when a job ran later than the clock says');

select results_eq(
  $$ select probes.sent_at <= clock_timestamp() as is_sent,
       probes.answer_due_at <= clock_timestamp() + interval '1 minute' as is_due,
       probes.retry_until <= clock_timestamp() + interval '1 minute' as ends
     from monitoring.probes
     where probes.request_id = -18 $$,
  $$ values (true, true, true) $$,
  'but its times are those of the clock'
);

select results_eq(
  $$ select job_runs.ran_at <= clock_timestamp() as ran, job_runs.succeeded_at <= clock_timestamp() as succeeded
     from monitoring.job_runs
     where job_runs.job = 'a-job' $$,
  $$ values (true, true) $$,
  'and so are those of the job'
);

select * from finish();

rollback;
