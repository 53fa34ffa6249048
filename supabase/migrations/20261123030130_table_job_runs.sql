-- Purpose: remembers when jobs last ran and last succeeded, for those who watch them from outside.
-- Objects: table monitoring.job_runs; functions monitoring.record_job_success, monitoring.describe_judgement.
-- Risks: pg_cron's own log can be switched off, so what must be known is written here. A run that fails is rolled back
--   with what it wrote, so that the time of a success is one of a run that was committed.

create table monitoring.job_runs (
  job text primary key,
  ran_at timestamptz not null,
  succeeded_at timestamptz
)
with (fillfactor = 50); -- a row is updated each second while checks are pending

alter table monitoring.job_runs enable row level security;

create policy job_runs_is_read_by_nobody on monitoring.job_runs
for select to authenticated
using (false);

revoke all on table monitoring.job_runs from public, anon, authenticated, service_role;

comment on table monitoring.job_runs is
'Last run of each job that is monitored from outside. pg_cron''s own log can be switched off.';

comment on column monitoring.job_runs.job is 'Name of the job in cron.job.';

comment on column monitoring.job_runs.ran_at is
'Time of the last run. Of a job that has not run yet, the time at which it was scheduled.';

comment on column monitoring.job_runs.succeeded_at is
'Time of the last run that succeeded. Null before the first, and for jobs that do not record it.';

create function monitoring.record_job_success(job text)
returns void
language sql
volatile
strict
security invoker
set search_path = ''
as $$
  insert into monitoring.job_runs (job, ran_at, succeeded_at)
  values (record_job_success.job, clock_timestamp(), clock_timestamp())
  on conflict (job) do update
    set ran_at = excluded.ran_at, succeeded_at = excluded.succeeded_at
$$;

comment on function monitoring.record_job_success(text) is
'Notes that a job succeeds now. A job calls it last: if the run fails, the note is rolled back.';

create function monitoring.describe_judgement()
returns jsonb
language sql
stable
security invoker
set search_path = ''
as $$
  select jsonb_build_object(
    'last_success_at', noted.succeeded_at,
    'is_late', (monitoring.config('feature_flags') ->> 'monitoring')::boolean
    and (
      -- A time in the future is one of a clock that was set back since.
      coalesce(noted.succeeded_at, noted.ran_at) between now() - interval '1 minute' and now() + interval '1 minute'
    ) is not true
  )
  from (values ('monitoring-judge-health-checks')) as jobs (name)
  left join monitoring.job_runs as noted on noted.job = jobs.name
$$;

comment on function monitoring.describe_judgement() is
'Returns {"last_success_at", "is_late"} of the judgement of health checks. is_late is true when it has not succeeded for
a minute although monitoring is on, counted from its scheduling before the first success: then nobody knows how the
targets are.';
