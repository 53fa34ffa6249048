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
  select
    'monitoring-' || jobs.name,
    format('%s * * * *', jobs.minute),
    monitoring.write_purge_command(
      format(
        '%I(%s)', replace(coalesce(jobs.function_name, jobs.name), '-', '_'),
        case when jobs.has_argument then jobs.batch_size::text end
      ),
      jobs.batch_size
    )
  from (
    values
    (11, 'purge-target-hours', null, 5000, true),
    (13, 'purge-target-days', null, 5000, true),
    (15, 'purge-looks', null, 5000, true),
    (17, 'purge-receipts', null, 5000, true),
    (19, 'purge-early-resolutions', null, 5000, true),
    (21, 'purge-quotas', null, 5000, true),
    (23, 'purge-deliveries', null, 2000, true),
    (25, 'purge-incident-hours', null, 5000, true),
    (27, 'purge-notifications', null, 2000, true),
    (29, 'purge-emails', null, 2000, true),
    (31, 'purge-security-events', null, 5000, true),
    (33, 'purge-deployments', null, 1000, true),
    (35, 'purge-service-versions', null, 1000, true),
    (37, 'purge-agent-actions', null, 5000, true),
    (39, 'purge-remembered-events', null, 1, false),
    (41, 'purge-incidents', null, 500, true),
    (43, 'purge-checks', 'drop_old_partitions', 1, false),
    (45, 'purge-job-runs', null, 5000, true),
    (47, 'close-quiet-incidents', null, 200, true)
  ) as jobs (minute, name, function_name, batch_size, has_argument)
$$;

comment on function monitoring.list_retention_jobs() is
'Returns the hourly jobs that delete what is older than retention, one a table, and monitoring-close-quiet-incidents,
which closes incidents without a repeat for incident_policy.auto_resolve_after.';
