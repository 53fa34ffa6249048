begin;

select plan(5);

select is_empty(
  $$
  select jobs.name from monitoring.list_retention_jobs() as jobs
  left join cron.job on job.jobname = jobs.name and job.schedule = jobs.schedule and job.command = jobs.command
  where job.jobid is null
  $$,
  'every job of retention is scheduled'
);

select is_empty(
  $$ select schedule from monitoring.list_jobs() where schedule like '% * * * *' and schedule not like '*%'
     group by schedule having count(*) > 1 $$,
  'no two hourly jobs run at the same minute'
);

select is_empty(
  $$
  select pg_proc.proname from pg_catalog.pg_proc
  where pg_proc.pronamespace = 'monitoring'::regnamespace
    and pg_proc.proname like 'purge\_%'
    and not exists (
      select from monitoring.list_retention_jobs() as jobs where strpos(jobs.command, pg_proc.proname || '(') > 0
    )
    and not exists (
      select from pg_catalog.pg_proc as caller
      where caller.proname like 'purge\_%' and strpos(caller.prosrc, 'monitoring.' || pg_proc.proname || '(') > 0
    )
  $$,
  'every purge has a job, or is a step of one that has'
);

select matches(
  monitoring.write_purge_command('purge_looks(7)', 7), 'while monitoring.purge_looks\(7\) >= 7 .* loop\s+commit;',
  'a command repeats full batches and commits each'
);

select ok(monitoring.find_retention_end('incidents_days') < now() - interval '399 days', 'retention ends are days ago');

select * from finish();

rollback;
