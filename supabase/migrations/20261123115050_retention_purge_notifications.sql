-- Purpose: deletes old notifications, e-mails, security events and deployments, versions of services and runs of jobs.
-- Objects: functions monitoring.purge_notifications, monitoring.purge_emails, monitoring.purge_security_events,
--   monitoring.is_deployment_needed, monitoring.purge_deployments, monitoring.purge_service_versions,
--   monitoring.purge_job_runs.
-- Risks: a deployment that an incident or a rollback refers to stays, so that the deletion changes no incident: it
--   would lock incidents in no order.

create function monitoring.purge_notifications(batch_size integer)
returns bigint
language plpgsql
volatile
strict
security invoker
set search_path = ''
as $$
declare
  v_end constant timestamptz := monitoring.find_retention_end('notifications_days');
  v_ids bigint[];
  v_count bigint;
begin
  v_ids := array(
    select due.id
    from (
      select notifications.id, notifications.incident_id
      from monitoring.notifications
      where notifications.created_at < v_end
        and notifications.finished_at < v_end
      order by notifications.created_at
      -- Those that must stay are passed over again by each batch.
      limit 100000
    ) as due
    -- Who was told of an incident is told of its end. A scalar, so that each row looks its incident up by index.
    where coalesce(
      (select incidents.status = 'resolved' from public.incidents where incidents.id = due.incident_id), true
    )
    limit purge_notifications.batch_size
  );
  delete from monitoring.notifications
  where notifications.id = any(array(
    select due.id
    from monitoring.notifications as due
    where due.id = any(v_ids)
      and due.finished_at < v_end
    order by due.id
    for update skip locked
  ));
  get diagnostics v_count = row_count;

  -- What was deleted or given up while its answer was awaited is not settled.
  delete from monitoring.awaited_answers
  where not exists (
    select
    from monitoring.notifications
    where notifications.id = awaited_answers.notification_id
      and notifications.status = 'sending'
  );
  return v_count;
end
$$;

comment on function monitoring.purge_notifications(integer) is
'Deletes at most batch_size notifications that were finished before retention.notifications_days, and returns their
number. Notifications of incidents that are not resolved stay.';

create function monitoring.purge_emails(batch_size integer)
returns bigint
language plpgsql
volatile
strict
security invoker
set search_path = ''
as $$
declare
  v_end constant timestamptz := monitoring.find_retention_end('emails_days');
  v_count bigint;
begin
  delete from public.email_tracking
  where email_tracking.ctid = any(array(
    select due.ctid
    from public.email_tracking as due
    where due.created_at < v_end
      and due.status <> 'queued'
    order by due.created_at
    limit purge_emails.batch_size
    for update skip locked
  ));
  get diagnostics v_count = row_count;
  return v_count;
end
$$;

comment on function monitoring.purge_emails(integer) is
'Deletes at most batch_size e-mails that are older than retention.emails_days, and returns their number. Those that are
queued stay.';

create function monitoring.purge_security_events(batch_size integer)
returns bigint
language plpgsql
volatile
strict
security invoker
set search_path = ''
as $$
declare
  v_end constant timestamptz := monitoring.find_retention_end('security_events_days');
  v_count bigint;
begin
  delete from public.security_events
  where security_events.ctid = any(array(
    select due.ctid
    from public.security_events as due
    where due.created_at < v_end
    order by due.created_at
    limit purge_security_events.batch_size
    for update skip locked
  ));
  get diagnostics v_count = row_count;
  return v_count;
end
$$;

comment on function monitoring.purge_security_events(integer) is
'Deletes at most batch_size security events that are older than retention.security_events_days, and returns their
number.';

create function monitoring.is_deployment_needed(deployment public.deployment_history)
returns boolean
language plpgsql
stable
security invoker
set search_path = ''
as $$
begin
  -- PL/pgSQL keeps the plan, and a batch calls this for each deployment.
  return exists (
    select
    from public.deployment_history as rollback
    where rollback.rollback_of = (is_deployment_needed.deployment).id
  )
  or exists (
    select
    from public.incidents
    where incidents.deployment_id = (is_deployment_needed.deployment).id
  )
  or not exists (
    select
    from public.deployment_history as later
    where later.service = (is_deployment_needed.deployment).service
      and later.environment = (is_deployment_needed.deployment).environment
      and later.started_at > (is_deployment_needed.deployment).started_at
  );
end
$$;

comment on function monitoring.is_deployment_needed(public.deployment_history) is
'Returns whether a rollback or an incident refers to a deployment, or it is the newest of its service and environment.';

create function monitoring.purge_deployments(batch_size integer)
returns bigint
language plpgsql
volatile
strict
security invoker
set search_path = ''
as $$
declare
  v_end constant timestamptz := monitoring.find_retention_end('deployments_days');
  v_ids bigint[];
  v_count bigint;
begin
  v_ids := array(
    select due.id
    from (
      select deployment_history.*
      from public.deployment_history
      where deployment_history.started_at < v_end
      order by deployment_history.started_at
      -- Those that must stay are passed over again by each batch.
      limit 100000
    ) as due
    where not monitoring.is_deployment_needed(due::public.deployment_history)
    limit purge_deployments.batch_size
  );
  v_ids := array(
    select deployment_history.id
    from public.deployment_history
    where deployment_history.id = any(v_ids)
    order by deployment_history.id
    for update skip locked
  );
  -- A statement of its own, so that it sees what was written until the deployments were locked.
  delete from public.deployment_history
  where deployment_history.id = any(v_ids)
    and not monitoring.is_deployment_needed(deployment_history);
  get diagnostics v_count = row_count;
  return v_count;
end
$$;

comment on function monitoring.purge_deployments(integer) is
'Deletes at most batch_size deployments that started before retention.deployments_days, and returns their number. One
stays while an incident or a rollback refers to it, or while it is the newest of its service and environment.';

create function monitoring.purge_service_versions(batch_size integer)
returns bigint
language plpgsql
volatile
strict
security invoker
set search_path = ''
as $$
declare
  v_count bigint;
begin
  delete from monitoring.service_versions
  where service_versions.ctid = any(array(
    select due.ctid
    from monitoring.service_versions as due
    where due.last_seen < now() - interval '90 days'
    order by due.last_seen
    limit purge_service_versions.batch_size
    for update skip locked
  ));
  get diagnostics v_count = row_count;
  return v_count;
end
$$;

comment on function monitoring.purge_service_versions(integer) is
'Deletes at most batch_size versions of the service that did not call for 90 days, and returns their number.';

create function monitoring.purge_job_runs(batch_size integer)
returns bigint
language plpgsql
volatile
strict
security invoker
set search_path = ''
as $$
declare
  v_end constant timestamptz := monitoring.find_retention_end('job_runs_days');
  v_count bigint;
begin
  -- The log has only the index of runid. A run that never ended is as old as those around it.
  with oldest as materialized (
    select run.runid, coalesce(run.end_time, run.start_time) as ran_at
    from cron.job_run_details as run
    order by run.runid
    limit purge_job_runs.batch_size
  )

  delete from cron.job_run_details
  where job_run_details.runid = any(array(
    select oldest.runid
    from oldest
    where coalesce(oldest.ran_at, '-infinity') < v_end
      and oldest.runid <= (select max(due.runid) from oldest as due where due.ran_at < v_end)
  ));
  get diagnostics v_count = row_count;
  return v_count;
exception
  when insufficient_privilege then
    raise notice 'cron.job_run_details may not be purged by %', current_user;
    return 0::bigint;
end
$$;

comment on function monitoring.purge_job_runs(integer) is
'Deletes runs that ended before retention.job_runs_days among the batch_size oldest of pg_cron''s log, and returns their
number; 0 where the privilege is missing.';
