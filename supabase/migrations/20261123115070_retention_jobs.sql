-- Purpose: lists the jobs that delete what is older than retention, one a table, and the one that closes quiet
--   incidents.
-- Objects: functions monitoring.write_purge_command, monitoring.list_retention_jobs.
-- Risks: a hosted project cancels a statement after 2 minutes, and with it everything that it did since its last
--   commit. So each job commits each batch, and ends after 100 seconds; the rest is left to its next run. The pauses
--   let autovacuum and other sessions in.

create function monitoring.write_purge_command(function_name text, batch_size integer)
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
  while monitoring.%1$I(%2$s) >= %2$s and pg_catalog.clock_timestamp() < v_end loop
    commit;
    perform pg_catalog.pg_sleep(0.05);
  end loop;
end
$batches$
$purge$,
    write_purge_command.function_name,
    write_purge_command.batch_size
  )
$$;

comment on function monitoring.write_purge_command(text, integer) is
'Returns a command that calls a function with the size of a batch until it returns less, or for 100 seconds, and commits
and pauses for 50 ms between two calls.';

create function monitoring.list_retention_jobs()
returns table (name text, schedule text, command text)
language plpgsql
immutable
security invoker
set search_path = ''
as $$
declare
  c_close constant text := $close$do $batches$
declare
  v_end constant timestamptz := pg_catalog.clock_timestamp() + interval '100 seconds';
  v_position timestamptz := '-infinity';
begin
  loop
    v_position := monitoring.close_quiet_incidents(v_position, 500);
    exit when v_position is null or pg_catalog.clock_timestamp() >= v_end;
    commit;
    perform pg_catalog.pg_sleep(0.05);
  end loop;
end
$batches$
$close$;
begin
  -- Each at a minute of its own. Actions come before incidents, which stay until their actions are gone.
  return query
  select
    'monitoring-purge-' || purges.table_name,
    format('%s * * * *', purges.minute),
    monitoring.write_purge_command(purges.function_name, purges.batch_size)
  from (
    values
    ('target-hours', 11, 'purge_target_hours', 5000),
    ('target-days', 13, 'purge_target_days', 5000),
    ('looks', 15, 'purge_looks', 5000),
    ('receipts', 17, 'purge_receipts', 5000),
    ('early-resolutions', 19, 'purge_early_resolutions', 5000),
    ('quotas', 21, 'purge_quotas', 5000),
    ('deliveries', 23, 'purge_deliveries', 2000),
    ('incident-hours', 25, 'purge_incident_hours', 5000),
    ('notifications', 27, 'purge_notifications', 2000),
    ('emails', 29, 'purge_emails', 2000),
    ('security-events', 31, 'purge_security_events', 5000),
    ('deployments', 33, 'purge_deployments', 1000),
    ('service-versions', 35, 'purge_service_versions', 1000),
    ('agent-actions', 37, 'purge_agent_actions', 5000),
    ('incidents', 41, 'purge_incidents', 500),
    ('job-runs', 45, 'purge_job_runs', 5000)
  ) as purges (table_name, minute, function_name, batch_size)
  union all
  values
  ('monitoring-purge-checks', '43 * * * *', 'select monitoring.drop_old_partitions()'),
  ('monitoring-close-quiet-incidents', '47 * * * *', c_close);
end
$$;

comment on function monitoring.list_retention_jobs() is
'Returns the hourly jobs that delete what is older than retention, one a table, and monitoring-close-quiet-incidents,
which closes incidents without a repeat for incident_policy.auto_resolve_after.';
