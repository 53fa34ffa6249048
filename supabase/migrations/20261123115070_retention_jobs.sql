-- Purpose: lists the jobs that delete what is older than retention, one a table, and the one that closes quiet
--   incidents.
-- Objects: functions monitoring.write_purge_command, monitoring.list_retention_jobs.
-- Risks: a hosted project cancels a statement after 2 minutes, and with it everything that it did since its last
--   commit. So each job commits each batch, and ends after 100 seconds; the rest is left to its next run. The pauses
--   let autovacuum and other sessions in.

create function monitoring.write_purge_command(call text, batch_size integer)
returns text
language sql
immutable
strict
parallel safe
security invoker
set search_path = ''
as $$
  select format(
    $purge$do $batches$
declare
  v_end constant timestamptz := pg_catalog.clock_timestamp() + interval '100 seconds';
begin
  while monitoring.%1$s >= %2$s and pg_catalog.clock_timestamp() < v_end loop
    commit;
    perform pg_catalog.pg_sleep(0.05);
  end loop;
end
$batches$
$purge$,
    write_purge_command.call,
    write_purge_command.batch_size
  )
$$;

comment on function monitoring.write_purge_command(text, integer) is
'Returns a command that repeats a call until it returns less than batch_size, or for 100 seconds, and commits and pauses
for 50 ms between two calls.';

create function monitoring.list_retention_jobs()
returns table (name text, schedule text, command text)
language sql
immutable
security invoker
set search_path = ''
as $$
  -- Each at a minute of its own. Actions come before incidents, which stay until their actions are gone.
  select jobs.name, jobs.schedule, monitoring.write_purge_command(jobs.call, jobs.batch_size)
  from (
    values
    ('monitoring-purge-target-hours', '11 * * * *', 'purge_target_hours(5000)', 5000),
    ('monitoring-purge-target-days', '13 * * * *', 'purge_target_days(5000)', 5000),
    ('monitoring-purge-looks', '15 * * * *', 'purge_looks(5000)', 5000),
    ('monitoring-purge-receipts', '17 * * * *', 'purge_receipts(5000)', 5000),
    ('monitoring-purge-early-resolutions', '19 * * * *', 'purge_early_resolutions(5000)', 5000),
    ('monitoring-purge-quotas', '21 * * * *', 'purge_quotas(5000)', 5000),
    ('monitoring-purge-deliveries', '23 * * * *', 'purge_deliveries(2000)', 2000),
    ('monitoring-purge-incident-hours', '25 * * * *', 'purge_incident_hours(5000)', 5000),
    ('monitoring-purge-notifications', '27 * * * *', 'purge_notifications(2000)', 2000),
    ('monitoring-purge-emails', '29 * * * *', 'purge_emails(2000)', 2000),
    ('monitoring-purge-security-events', '31 * * * *', 'purge_security_events(5000)', 5000),
    ('monitoring-purge-deployments', '33 * * * *', 'purge_deployments(1000)', 1000),
    ('monitoring-purge-service-versions', '35 * * * *', 'purge_service_versions(1000)', 1000),
    ('monitoring-purge-agent-actions', '37 * * * *', 'purge_agent_actions(5000)', 5000),
    ('monitoring-purge-remembered-events', '39 * * * *', 'purge_remembered_events()', 1),
    ('monitoring-purge-incidents', '41 * * * *', 'purge_incidents(500)', 500),
    ('monitoring-purge-checks', '43 * * * *', 'drop_old_partitions()', 1),
    ('monitoring-purge-job-runs', '45 * * * *', 'purge_job_runs(5000)', 5000),
    ('monitoring-close-quiet-incidents', '47 * * * *', 'close_quiet_incidents(200)', 200)
  ) as jobs (name, schedule, call, batch_size)
$$;

comment on function monitoring.list_retention_jobs() is
'Returns the hourly jobs that delete what is older than retention, one a table, and monitoring-close-quiet-incidents,
which closes incidents without a repeat for incident_policy.auto_resolve_after.';
