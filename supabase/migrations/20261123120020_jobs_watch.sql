-- Purpose: opens incidents about ourselves: a job of ours that fails again and again, and health checks that nobody
--   judges.
-- Objects: table monitoring.watched_jobs; functions monitoring.can_read_job_log, monitoring.find_last_failure,
--   monitoring.count_failed_runs, monitoring.open_job_incident, monitoring.watch_job_runs, monitoring.watch_judgement,
--   monitoring.watch_jobs.
-- Risks: what is watched must not be able to stop the watch: it is a job of its own, takes no lock of rounds and calls
--   nothing of ingest but upsert_incidents(). pg_cron never deletes from its log, whose only index is that of runid:
--   each run of the watch reads the end of the log, and how often a job failed before is remembered here.

create table monitoring.watched_jobs (
  job text primary key,
  last_run_id bigint not null,
  failed_runs integer not null,
  constraint failed_runs_are_not_negative check (failed_runs >= 0)
);

alter table monitoring.watched_jobs enable row level security;

create policy watched_jobs_is_read_by_nobody on monitoring.watched_jobs
for select to authenticated
using (false);

revoke all on table monitoring.watched_jobs from public, anon, authenticated, service_role;

comment on table monitoring.watched_jobs is
'How often each of our jobs failed in a row, counted by watch_jobs() from the log of pg_cron.';

comment on column monitoring.watched_jobs.job is 'Name of the job in cron.job.';

comment on column monitoring.watched_jobs.last_run_id is 'runid of the last run in the log that was counted.';

comment on column monitoring.watched_jobs.failed_runs is 'Number of failed runs since the last that succeeded.';

comment on constraint watched_jobs_pkey on monitoring.watched_jobs is 'Each job has one row.';

comment on constraint failed_runs_are_not_negative on monitoring.watched_jobs is 'failed_runs must be 0 or more.';

create function monitoring.can_read_job_log()
returns boolean
language sql
stable
security invoker
set search_path = ''
as $$
  select coalesce(has_table_privilege(to_regclass('cron.job_run_details'), 'select'), false)
    and not exists (
      select
      from pg_catalog.pg_settings
      where pg_settings.name = 'cron.log_run'
        and pg_settings.setting = 'off'
    )
$$;

comment on function monitoring.can_read_job_log() is
'Returns whether pg_cron logs runs, and the log may be read.';

create function monitoring.find_last_failure(job text, after timestamptz)
returns text
language plpgsql
stable
security invoker
set search_path = ''
as $$
declare
  v_newest bigint;
begin
  if not monitoring.can_read_job_log() then
    return null;
  end if;
  v_newest := (select max(newest.runid) from cron.job_run_details as newest);
  return (
    select left(run.return_message, 1000)
    from cron.job_run_details as run
    join cron.job as scheduled on scheduled.jobid = run.jobid and scheduled.jobname = find_last_failure.job
    where run.runid > v_newest - 5000
      and run.status = 'failed'
      and run.return_message not in ('job canceled', 'server restarted')
      and run.end_time >= find_last_failure.after
    order by run.runid desc
    limit 1
  );
end
$$;

comment on function monitoring.find_last_failure(text, timestamptz) is
'Returns the message of the last failed run of a job that ended after a time, as pg_cron logged it. Null without one, or
without the log.';

create function monitoring.count_failed_runs()
returns table (job text, failed_runs integer, message text)
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  v_newest bigint := (select max(newest.runid) from cron.job_run_details as newest);
  -- A run may end after later ones of other jobs, by the number of runs of several hours at most.
  v_first bigint := least((select max(known.last_run_id) from monitoring.watched_jobs as known), v_newest) - 5000;
begin
  delete from monitoring.watched_jobs as known
  where not exists (select from cron.job as scheduled where scheduled.jobname = known.job);

  return query
  with watched as (
    select
      scheduled.jobid,
      scheduled.jobname,
      -- The ids begin anew when pg_cron is installed again.
      case when known.last_run_id <= v_newest then known.last_run_id else 0 end as last_run_id,
      coalesce(known.failed_runs, 0) as failed_runs
    from monitoring.list_jobs() as jobs
    join cron.job as scheduled on scheduled.jobname = jobs.name
    left join monitoring.watched_jobs as known on known.job = jobs.name
  ),

  run as (
    select
      watched.jobname,
      watched.failed_runs,
      details.runid,
      details.status = 'failed' as has_failed,
      details.return_message,
      max(details.runid) filter (where details.status = 'succeeded') over (partition by watched.jobname) as good_run_id
    from cron.job_run_details as details
    join watched on watched.jobid = details.jobid and details.runid > watched.last_run_id
    where details.runid > v_first
      -- A run that somebody ended says nothing about the job.
      and (
        details.status = 'succeeded'
        or (
          details.status = 'failed'
          and coalesce(details.return_message, '') not in ('job canceled', 'server restarted')
        )
      )
  ),

  counted as (
    select
      run.jobname,
      max(run.runid) as last_run_id,
      (
        case when max(run.good_run_id) is null then max(run.failed_runs) else 0 end
        + count(*) filter (where run.has_failed and run.runid > coalesce(run.good_run_id, 0))
      )::integer as failed_runs,
      (array_agg(run.return_message order by run.runid desc))[1] as last_message
    from run
    group by run.jobname
  ),

  noted as (
    insert into monitoring.watched_jobs as known (job, last_run_id, failed_runs)
    select counted.jobname, counted.last_run_id, counted.failed_runs
    from counted
    order by counted.jobname
    on conflict on constraint watched_jobs_pkey do update
      set last_run_id = excluded.last_run_id, failed_runs = excluded.failed_runs
  )

  select counted.jobname, counted.failed_runs, left(counted.last_message, 1000)
  from counted
  where counted.failed_runs > 0
  order by counted.jobname;
end
$$;

comment on function monitoring.count_failed_runs() is
'Counts the runs that ended since the last call, and returns the jobs that failed in their last one: how many runs in a
row, and what pg_cron logged of the last. Raises an error without pg_cron.';

create function monitoring.open_job_incident(fingerprint text, title text, message text)
returns void
language plpgsql
volatile
strict
security invoker
set search_path = ''
as $$
declare
  v_event monitoring.prepared_event;
begin
  -- Not by prepare_event(), which is part of what can fail.
  v_event.event_position := 1;
  v_event.fingerprint := open_job_incident.fingerprint;
  v_event.title := monitoring.sanitize_text(open_job_incident.title, 200);
  v_event.message := monitoring.sanitize_text(open_job_incident.message, 4000);
  v_event.error_type := 'JobFailed';
  v_event.severity := 'HIGH';
  v_event.category := 'infrastructure';
  v_event.rule := 'health_check';
  v_event.source := 'health-check';
  v_event.context := '{}';
  v_event.sender := 'health-check';
  v_event.happened_at := clock_timestamp();
  v_event.is_summary := false;
  v_event.is_resolution := false;
  perform monitoring.upsert_incidents(array[v_event]);
end
$$;

comment on function monitoring.open_job_incident(text, text, text) is
'Opens a HIGH incident about a job of ours, or counts a repeat of it.';

create function monitoring.watch_job_runs()
returns text[]
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  c_least_failures constant integer := 3;
  v_job record;
  v_failing text[];
begin
  if monitoring.can_read_job_log() then
    for v_job in
      select failed.job, failed.failed_runs, failed.message
      from monitoring.count_failed_runs() as failed
      where failed.failed_runs >= c_least_failures
    loop
      perform monitoring.open_job_incident(
        'health-check:job:' || v_job.job,
        format('The job %s fails', v_job.job),
        format(
          'The job %s failed in its last %s runs. The last one: %s. See them with select start_time, return_message from '
          'cron.job_run_details join cron.job using (jobid) where jobname = ''%s'' order by runid desc limit 5; '
          'and select * from public.check_installation(); in the SQL editor. A function that is missing or broken '
          'comes back with supabase db push.',
          v_job.job, v_job.failed_runs, coalesce(rtrim(v_job.message, e' .\r\n'), 'no message'), v_job.job
        )
      );
    end loop;
    v_failing := array(
      select known.job from monitoring.watched_jobs as known where known.failed_runs >= c_least_failures order by known.job
    );
  end if;

  perform monitoring.resolve_incidents(
    array(
      select 'health-check:job:' || jobs.name from monitoring.list_jobs() as jobs where jobs.name <> all(coalesce(v_failing, '{}'))
    ),
    'health-check',
    'health-check',
    case
      when v_failing is null then 'The runs of jobs are not logged any more, so that it is not known whether the job fails.'
      else 'The job succeeded, or is not scheduled any more.'
    end
  );
  return v_failing;
end
$$;

comment on function monitoring.watch_job_runs() is
'Opens an incident about each job of ours whose last three runs failed, and resolves those of the others. Returns the
names of the jobs that fail; null where pg_cron logs no runs, or the log may not be read.';

create function monitoring.watch_judgement()
returns text
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  v_judgement jsonb := monitoring.describe_judgement();
  v_since timestamptz := (v_judgement ->> 'last_success_at')::timestamptz;
  v_watched_at timestamptz := (
    select job_runs.succeeded_at from monitoring.job_runs where job_runs.job = 'monitoring-watch-jobs'
  );
begin
  if not (v_judgement ->> 'is_late')::boolean then
    perform monitoring.resolve_incidents(
      array['health-check:judgement'], 'health-check', 'health-check', 'The health checks are judged again.'
    );
    return 'quiet';
  elsif v_watched_at > now() - interval '3 minutes' is not true
    or pg_postmaster_start_time() > now() - interval '1 minute'
  then
    -- pg_cron itself did not run: the judgement gets the time until the next look.
    return 'waiting';
  elsif exists (
    select
    from public.incidents
    where incidents.fingerprint = 'health-check:judgement'
      and incidents.status <> 'resolved'
  ) then
    return 'late';
  end if;
  perform monitoring.open_job_incident(
    'health-check:judgement',
    'Health checks are not judged',
    format(
      'No judgement of health checks succeeded since %s: outages are not noticed, and the state of all targets is '
      'unknown. %s Run select monitoring.judge_health_checks(); in the SQL editor to see the error, and '
      'select monitoring.install(); if the job monitoring-judge-health-checks is missing or not active.',
      coalesce(to_char(v_since at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS "UTC"'), 'the jobs were scheduled'),
      coalesce(
        'The last run failed: ' || rtrim(
          monitoring.find_last_failure('monitoring-judge-health-checks', coalesce(v_since, '-infinity')), e' .\r\n'
        ) || '.',
        'No run of the job failed: it is missing, not active, or waits for a lock (see pg_stat_activity).'
      )
    )
  );
  return 'opened';
end
$$;

comment on function monitoring.watch_judgement() is
'Opens an incident when no judgement of health checks succeeded for a minute, and resolves it when one did. Returns
opened, late, waiting or quiet: waiting while pg_cron has only just started, after a restart.';

create function monitoring.watch_jobs()
returns void
language plpgsql
volatile
security invoker
set search_path = ''
as $$
begin
  perform pg_advisory_xact_lock(20261123, 1810);
  perform monitoring.lock_changes_in_steps();
  begin
    perform monitoring.watch_job_runs();
  exception
    when undefined_table or undefined_column or insufficient_privilege then
      -- The log of another version of pg_cron. The judgement is watched without it.
      raise warning using
        errcode = sqlstate,
        message = format('the runs of jobs could not be read: %s', sqlerrm),
        hint = 'See select * from public.check_installation();';
  end;
  perform monitoring.watch_judgement();
  perform monitoring.watch_partitions();
  perform monitoring.record_job_success('monitoring-watch-jobs');
end
$$;

comment on function monitoring.watch_jobs() is
'Opens and resolves the incidents about our own jobs, about the judgement of health checks and about partitions that are
missing. pg_cron runs it each minute. Calling it again changes nothing until another run ended.';
