-- Purpose: schedules the jobs that pg_cron runs, with one function that can be called again at any time. Jobs of parts
--   that are switched off are not scheduled, because each run costs a connection and a row in pg_cron's log.
-- Objects: functions monitoring.list_jobs, monitoring.expected_jobs, monitoring.schedule_jobs,
--   monitoring.schedule_optional_jobs, monitoring.follow_switches, monitoring.schedule_retries,
--   monitoring.unschedule_retries; triggers optional_jobs_follow_the_configuration, waiting_deliveries_are_retried.
-- Risks: schema diffs and squashed migrations lose cron jobs; select monitoring.install() restores them. A
--   session that stores a waiting delivery holds the shared advisory lock (20261127, 1) until commit, and only who gets
--   the exclusive one unschedules the retries, so no delivery is left without its job. Of several sessions that need
--   the job at once, the one with the lock (20261127, 2) schedules it: pg_cron would make the others wait for its
--   commit.

create function monitoring.list_jobs()
returns table (name text, schedule text, command text, is_optional boolean, is_needed boolean)
language plpgsql
stable
security invoker
set search_path = ''
as $$
declare
  -- Commits between judgements, so that requests are sent. If a commit is rejected, retries only take longer. It ends
  -- within its minute, because pg_cron skips a run while the one before still runs.
  c_confirm constant text := $confirm$do $loop$
declare
  v_end constant timestamptz := pg_catalog.date_trunc('minute', pg_catalog.clock_timestamp()) + interval '58 seconds';
begin
  for v_look in 1 .. 58 loop
    exit when pg_catalog.clock_timestamp() >= v_end;
    perform pg_catalog.pg_sleep(1);
    exit when monitoring.judge_health_checks() = 0 and v_look > 5;
    commit;
  end loop;
end
$loop$
$confirm$;
  -- Suppressions end, whatever becomes of the counts.
  c_end constant text := $end$do $steps$
begin
  perform monitoring.end_suppressions();
  perform monitoring.end_expired_claims();
  commit;
  perform monitoring.count_reports();
end
$steps$
$end$;
  -- What is summed up stays, whatever becomes of the next step.
  c_roll_up constant text := $roll_up$do $steps$
begin
  perform monitoring.roll_up_checks();
  commit;
  perform monitoring.roll_up_days();
  commit;
  perform monitoring.store_target_figures();
end
$steps$
$roll_up$;
begin
  return query
  select jobs.name, jobs.schedule, jobs.command, jobs.is_needed is not null, coalesce(jobs.is_needed, true)
  from (
    values
    ('monitoring-health-checks', '* * * * *', 'select monitoring.run_health_checks()', null),
    ('monitoring-confirm-failures', '* * * * *', c_confirm, null),
    ('monitoring-judge-health-checks', '10 seconds', 'select monitoring.judge_health_checks()', null),
    ('monitoring-watch-jobs', '* * * * *', 'select monitoring.watch_jobs()', null),
    (
      'monitoring-roll-up-checks', '5 * * * *',
      c_roll_up, null
    ),
    ('monitoring-make-partitions', '25 2 * * *', 'select monitoring.make_partitions()', null),
    ('monitoring-roll-up-incidents', '7 * * * *', 'select monitoring.roll_up_incidents()', null),
    (
      'monitoring-restore-missing', '49 * * * *',
      'select monitoring.schedule_optional_jobs(), monitoring.install_answer_trigger()', null
    ),
    ('monitoring-end-suppressions', '* * * * *', c_end, null),
    (
      'monitoring-close-overdue-actions', '* * * * *',
      $overdue$select monitoring.fail_running_actions('exceeded its deadline', true)$overdue$, null
    ),
    ('monitoring-anchor-audit', '20 0 * * *', 'select public.anchor_audit()', null),
    (
      'monitoring-embed-knowledge', '30 seconds',
      'select monitoring.collect_embeddings(), monitoring.send_embeddings()',
      monitoring.is_feature_on('embeddings')
    ),
    (
      'monitoring-retry-deliveries', '* * * * *', 'select monitoring.retry_deliveries()',
      exists (
        select
        from monitoring.deliveries
        where deliveries.effect in ('deferred', 'failed')
          and deliveries.next_attempt_at is not null
      )
    ),
    (
      'monitoring-send-notifications', '5 seconds', 'select monitoring.send_due_notifications()',
      exists (select from monitoring.notification_channels as channels where channels.is_enabled)
      or exists (select from monitoring.notifications where notifications.status in ('queued', 'sending'))
    ),
    (
      'monitoring-watch-sentry', '*/5 * * * *', 'select monitoring.check_sentry_feed()',
      monitoring.config('incident_policy') -> 'feed_silence_hours' is not null
    )
  ) as jobs (name, schedule, command, is_needed)
  union all
  select purges.name, purges.schedule, purges.command, false, true
  from monitoring.list_retention_jobs() as purges;
end
$$;

comment on function monitoring.list_jobs() is
'Returns every job of the monitoring agent, and whether it is needed now. An optional one is needed while its part is
switched on: monitoring-embed-knowledge while feature_flags.embeddings is true, monitoring-watch-sentry while
incident_policy.feed_silence_hours is set, monitoring-retry-deliveries while deliveries wait for another attempt,
monitoring-send-notifications while there are channels or unfinished notifications.
monitoring-end-suppressions also counts reports by hour.
monitoring-restore-missing schedules optional jobs that could not be scheduled, and recreates the trigger on
net._http_response if an update of pg_net dropped it.
monitoring-confirm-failures judges once a second while a round has pending checks, until second 58 of the minute, so that
checks are sent at their time, and a failure is repeated and believed within seconds.';

create function monitoring.expected_jobs()
returns table (name text, schedule text, command text)
language sql
stable
security invoker
set search_path = ''
as $$
  select jobs.name, jobs.schedule, jobs.command
  from monitoring.list_jobs() as jobs
  where jobs.is_needed
$$;

comment on function monitoring.expected_jobs() is
'Returns the jobs that should be scheduled now, with the settings as they are.';

create function monitoring.schedule_jobs()
returns void
language plpgsql
volatile
security invoker
set search_path = ''
as $$
begin
  perform cron.schedule(jobs.name, jobs.schedule, jobs.command)
  from monitoring.expected_jobs() as jobs;
  perform monitoring.schedule_optional_jobs();
  perform monitoring.unschedule_retries();

  -- From now on, service_health() reports when the health checks last ran and were judged.
  insert into monitoring.job_runs (job, ran_at)
  values
  ('monitoring-health-checks', clock_timestamp()), ('monitoring-judge-health-checks', clock_timestamp())
  on conflict (job) do nothing;
end
$$;

comment on function monitoring.schedule_jobs() is
'Schedules every job of the monitoring agent that is needed, under its name, and unschedules those that are not. Safe to
repeat.';

create function monitoring.schedule_optional_jobs()
returns void
language plpgsql
volatile
security invoker
set search_path = ''
as $$
begin
  -- Without pg_cron no job runs, and what is stored waits.
  if to_regclass('cron.job') is null then
    return;
  end if;
  perform cron.schedule(jobs.name, jobs.schedule, jobs.command)
  from monitoring.list_jobs() as jobs
  where jobs.is_optional
    and jobs.is_needed
    and not exists (select from cron.job where job.jobname = jobs.name)
    and (jobs.name <> 'monitoring-retry-deliveries' or pg_try_advisory_xact_lock(20261127, 2));
  perform cron.unschedule(job.jobid)
  from monitoring.list_jobs() as jobs
  join cron.job on job.jobname = jobs.name
  where not jobs.is_needed
    -- Deliveries may be waiting that other sessions have not committed yet: retry_deliveries() does this itself.
    and jobs.name <> 'monitoring-retry-deliveries';
end
$$;

comment on function monitoring.schedule_optional_jobs() is
'Schedules the optional jobs that are needed and unschedules the others. A change of the configuration calls it, and
every hour a job does, so that a job that could not be scheduled is scheduled later.';

create function monitoring.follow_switches()
returns trigger
language plpgsql
volatile
security definer
set search_path = ''
as $$
begin
  begin
    perform monitoring.schedule_optional_jobs();
  exception
    when others then
      -- The setting is stored all the same. The hourly job schedules what is missing.
      raise warning using
        errcode = sqlstate,
        message = format('the jobs could not be scheduled: %s', sqlerrm),
        hint = 'Run select monitoring.install();';
  end;
  if new.key = 'incident_policy' and monitoring.config('incident_policy') -> 'feed_silence_hours' is null then
    perform monitoring.check_sentry_feed(); -- resolves the incident that only the removed job would resolve
  end if;
  return null;
end
$$;

comment on function monitoring.follow_switches() is
'Schedules and unschedules the optional jobs when their switch changes. Security definer, because the jobs belong to the
owner, whoever edits the configuration.';

create trigger optional_jobs_follow_the_configuration
after update on public.system_config
for each row
when (
  new.key in ('feature_flags', 'incident_policy', 'notification_recipients')
  and old.value is distinct from new.value
)
execute function monitoring.follow_switches();

create function monitoring.schedule_retries()
returns trigger
language plpgsql
volatile
security definer
set search_path = ''
as $$
begin
  perform pg_advisory_xact_lock_shared(20261127, 1);
  if to_regclass('cron.job') is null
    or exists (select from cron.job where job.jobname = 'monitoring-retry-deliveries')
    or not pg_try_advisory_xact_lock(20261127, 2)
  then
    return null;
  end if;
  begin
    perform cron.schedule(jobs.name, jobs.schedule, jobs.command)
    from monitoring.list_jobs() as jobs
    where jobs.name = 'monitoring-retry-deliveries';
  exception
    when others then
      -- The delivery is stored all the same. The hourly job schedules what is missing.
      raise warning using
        errcode = sqlstate,
        message = format('monitoring-retry-deliveries could not be scheduled: %s', sqlerrm),
        hint = 'Run select monitoring.install();';
  end;
  return null;
end
$$;

comment on function monitoring.schedule_retries() is
'Schedules the job that retries deliveries when one is stored that waits. Security definer, because the jobs belong to
the owner, whoever stores the delivery.';

create trigger waiting_deliveries_are_retried
after insert or update on monitoring.deliveries
for each row
when (new.next_attempt_at is not null)
execute function monitoring.schedule_retries();

create function monitoring.unschedule_retries()
returns boolean
language plpgsql
volatile
security invoker
set search_path = ''
as $$
begin
  if to_regclass('cron.job') is null or not pg_try_advisory_xact_lock(20261127, 1) then
    return false;
  end if;
  -- A statement of its own, so that it sees what was committed before the lock was free.
  perform cron.unschedule(job.jobid)
  from cron.job
  where job.jobname = 'monitoring-retry-deliveries'
    and not exists (
      select
      from monitoring.list_jobs() as jobs
      where jobs.name = job.jobname
        and jobs.is_needed
    );
  return found;
end
$$;

comment on function monitoring.unschedule_retries() is
'Unschedules the job that retries deliveries when none waits, and returns whether it did. Does nothing while a session
that stores a waiting delivery has not committed.';
