-- Purpose: remembers when jobs last ran, for those who watch them from outside.
-- Objects: table monitoring.job_runs.
-- Risks: pg_cron's own log can be switched off, so what must be known is written here.

create table monitoring.job_runs (
  job text primary key,
  ran_at timestamptz not null
);

alter table monitoring.job_runs enable row level security;

create policy job_runs_is_read_by_nobody on monitoring.job_runs
for select to authenticated
using (false);

revoke all on table monitoring.job_runs from public, anon, authenticated, service_role;

comment on table monitoring.job_runs is
'Last run of each job that is monitored from outside. pg_cron''s own log can be switched off.';

comment on column monitoring.job_runs.job is 'Name of the job in cron.job.';

comment on column monitoring.job_runs.ran_at is 'Time of the last run.';
