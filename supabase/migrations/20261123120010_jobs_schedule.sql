-- Purpose: schedules the jobs that pg_cron runs, with one function that can be called again at any time.
-- Objects: function monitoring.schedule_jobs.
-- Risks: schema diffs and squashed migrations lose cron jobs; select monitoring.install() restores them.

create function monitoring.schedule_jobs()
returns void
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  -- Commits between judgements, so that retries are sent. If a commit is rejected, retries only take longer.
  c_confirm constant text := $confirm$do $loop$
begin
  for v_look in 1 .. 36 loop
    perform pg_catalog.pg_sleep(case when v_look > 16 then 2 else 0.5 end);
    exit when monitoring.judge_health_checks() = 0 and v_look > 5;
    commit;
  end loop;
end
$loop$
$confirm$;
begin
  perform cron.schedule('monitoring-health-checks', '* * * * *', 'select monitoring.run_health_checks()');
  perform cron.schedule('monitoring-confirm-failures', '* * * * *', c_confirm);
  perform cron.schedule('monitoring-judge-health-checks', '10 seconds', 'select monitoring.judge_health_checks()');
  perform cron.schedule(
    'monitoring-roll-up-checks', '5 * * * *', 'select monitoring.roll_up_checks(), monitoring.roll_up_days()'
  );
  perform cron.schedule('monitoring-roll-up-incidents', '7 * * * *', 'select monitoring.roll_up_incidents()');
  perform cron.schedule('monitoring-purge-history', '40 3 * * *', 'select monitoring.purge_history()');
  perform cron.schedule('monitoring-purge-receipts', '17 * * * *', 'select monitoring.purge_receipts()');
  perform cron.schedule('monitoring-retry-deliveries', '* * * * *', 'select monitoring.retry_deliveries()');
  perform cron.schedule('monitoring-end-suppressions', '* * * * *', 'select monitoring.end_suppressions()');
  perform cron.schedule(
    'monitoring-close-overdue-actions', '* * * * *',
    $overdue$select monitoring.fail_running_actions('exceeded its deadline', true)$overdue$
  );
  perform cron.schedule(
    'monitoring-embed-knowledge', '30 seconds', 'select monitoring.collect_embeddings(), monitoring.send_embeddings()'
  );
  perform cron.schedule('monitoring-anchor-audit', '20 0 * * *', 'select public.anchor_audit()');
  perform cron.schedule('monitoring-watch-sentry', '*/5 * * * *', 'select monitoring.check_sentry_feed()');

  -- From now on, service_health() reports when the health checks last ran.
  insert into monitoring.job_runs (job, ran_at)
  values ('monitoring-health-checks', clock_timestamp())
  on conflict (job) do nothing;
end
$$;

comment on function monitoring.schedule_jobs() is
'Schedules every job of the monitoring agent under its name. Safe to repeat. monitoring-confirm-failures judges while
a round has pending checks, twice a second for 8 seconds and then every 2 seconds until second 48, so that a server
that refuses connections is detected within seconds, and many silent ones within the minute.';
