-- Purpose: the jobs that pg_cron runs, all scheduled by one function that may be run again at any time.
-- Objects: private.purge_receipts(), private.schedule_jobs().
-- Risks: schema diffs and squashed migrations lose cron jobs; select private.schedule_jobs() brings them back.

create function private.purge_receipts()
returns bigint
language sql
volatile
security invoker
set search_path = ''
as $$
  with purged_quotas as (
    delete from private.source_quotas
    where source_quotas.window_started_at < now() - interval '1 hour'
  ),

  purged as (
    delete from private.event_receipts
    where event_receipts.created_at
      < now() - make_interval(hours => (private.config('retention') ->> 'receipts_hours')::integer)
    returning event_receipts.idempotency_key
  )

  select count(*)
  from purged
$$;

revoke all on function private.purge_receipts() from public, anon, authenticated, service_role;

comment on function private.purge_receipts() is
'Forgets idempotency keys older than retention.receipts_hours, and quotas of sources that fell silent. How many keys.';

create function private.schedule_jobs()
returns void
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  -- Commits between its looks, so that further tries are really sent. Were that ever refused, only the haste is lost.
  c_confirm constant text := $confirm$do $loop$
begin
  for v_look in 1 .. 36 loop
    perform pg_catalog.pg_sleep(case when v_look > 16 then 2 else 0.5 end);
    exit when private.judge_health_checks() = 0 and v_look > 5;
    commit;
  end loop;
end
$loop$
$confirm$;
begin
  perform cron.schedule('monitoring-health-checks', '* * * * *', 'select private.run_health_checks()');
  perform cron.schedule('monitoring-confirm-failures', '* * * * *', c_confirm);
  perform cron.schedule('monitoring-judge-health-checks', '10 seconds', 'select private.judge_health_checks()');
  perform cron.schedule(
    'monitoring-roll-up-checks', '5 * * * *', 'select private.roll_up_checks(), private.roll_up_days()'
  );
  perform cron.schedule('monitoring-roll-up-incidents', '7 * * * *', 'select private.roll_up_incidents()');
  perform cron.schedule('monitoring-purge-history', '40 3 * * *', 'select private.purge_history()');
  perform cron.schedule('monitoring-purge-receipts', '17 * * * *', 'select private.purge_receipts()');
  perform cron.schedule(
    'monitoring-replay-deliveries', '* * * * *', 'select private.replay_deferred_deliveries()'
  );
  perform cron.schedule('monitoring-end-suppressions', '* * * * *', 'select private.end_suppressions()');
  perform cron.schedule(
    'monitoring-close-overdue-actions', '* * * * *',
    $overdue$select private.fail_running_actions('ran past its deadline', true)$overdue$
  );
  perform cron.schedule(
    'monitoring-embed-knowledge', '30 seconds', 'select private.collect_embeddings(), private.send_embeddings()'
  );
  perform cron.schedule('monitoring-watch-sentry', '*/5 * * * *', 'select private.watch_sentry_feed()');

  -- From now on the health checks are expected to run.
  insert into private.job_runs (job, ran_at)
  values ('monitoring-health-checks', clock_timestamp())
  on conflict (job) do nothing;
end
$$;

revoke all on function private.schedule_jobs() from public, anon, authenticated, service_role;

comment on function private.schedule_jobs() is
'Schedules every job of the monitoring agent by its name. Safe to repeat. monitoring-confirm-failures
judges while a round has pending checks, twice a second for 8 seconds and then every 2 until second 48: a server that
refuses connections is known to be down within seconds, and many silent ones within the minute.';

select private.schedule_jobs();
