-- Purpose: deletes what reports and webhooks leave behind: receipts, early resolutions, quotas, deliveries, hours of
--   incidents.
-- Objects: functions monitoring.purge_receipts, monitoring.purge_early_resolutions, monitoring.purge_quotas,
--   monitoring.purge_deliveries, monitoring.purge_incident_hours.
-- Risks: each deletes by an index, and passes over rows that another session holds. Whether a row is due is looked at
--   once it is locked.

create function monitoring.purge_receipts(batch_size integer)
returns bigint
language plpgsql
volatile
strict
security invoker
set search_path = ''
as $$
declare
  v_end constant timestamptz := now() - make_interval(
    hours => (monitoring.config('retention') ->> 'receipts_hours')::integer
  );
  v_count bigint;
begin
  delete from monitoring.event_receipts
  where event_receipts.ctid = any(array(
    select due.ctid
    from monitoring.event_receipts as due
    where due.created_at < v_end
    order by due.created_at
    limit purge_receipts.batch_size
    for update skip locked
  ));
  get diagnostics v_count = row_count;
  return v_count;
end
$$;

comment on function monitoring.purge_receipts(integer) is
'Deletes at most batch_size idempotency keys older than retention.receipts_hours, and returns their number.';

create function monitoring.purge_early_resolutions(batch_size integer)
returns bigint
language plpgsql
volatile
strict
security invoker
set search_path = ''
as $$
declare
  v_end constant timestamptz := now() - make_interval(
    hours => (monitoring.config('retention') ->> 'receipts_hours')::integer
  );
  v_count bigint;
begin
  delete from monitoring.early_resolutions
  where early_resolutions.ctid = any(array(
    select due.ctid
    from monitoring.early_resolutions as due
    where due.created_at < v_end
    order by due.created_at
    limit purge_early_resolutions.batch_size
    for update skip locked
  ));
  get diagnostics v_count = row_count;
  return v_count;
end
$$;

comment on function monitoring.purge_early_resolutions(integer) is
'Deletes at most batch_size early resolutions older than retention.receipts_hours, and returns their number.';

create function monitoring.purge_quotas(batch_size integer)
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
  delete from monitoring.sender_quotas
  where sender_quotas.ctid = any(array(
    select due.ctid
    from monitoring.sender_quotas as due
    where due.window_started_at < now() - interval '1 hour'
    order by due.sender
    limit purge_quotas.batch_size
    for update skip locked
  ));
  get diagnostics v_count = row_count;
  return v_count;
end
$$;

comment on function monitoring.purge_quotas(integer) is
'Deletes at most batch_size quotas of senders that opened no incident for an hour, and returns their number.';

create function monitoring.purge_deliveries(batch_size integer)
returns bigint
language plpgsql
volatile
strict
security invoker
set search_path = ''
as $$
declare
  -- The last delivery of Sentry is kept, because check_sentry_feed() needs its time.
  v_last_of_sentry constant timestamptz := (
    select max(newest.received_at)
    from monitoring.deliveries as newest
    where newest.kind = 'sentry'
  );
  v_end constant timestamptz := monitoring.find_retention_end('deliveries_days');
  v_count bigint;
begin
  delete from monitoring.deliveries
  where deliveries.ctid = any(array(
    select due.ctid
    from monitoring.deliveries as due
    where due.received_at < v_end
      and (due.kind <> 'sentry' or due.received_at < v_last_of_sentry)
    order by due.received_at
    limit purge_deliveries.batch_size
    for update skip locked
  ));
  get diagnostics v_count = row_count;
  return v_count;
end
$$;

comment on function monitoring.purge_deliveries(integer) is
'Deletes at most batch_size deliveries of Sentry and other monitors that are older than retention.deliveries_days, and
returns their number. The last one of Sentry stays.';

create function monitoring.purge_incident_hours(batch_size integer)
returns bigint
language plpgsql
volatile
strict
security invoker
set search_path = ''
as $$
declare
  v_end constant timestamptz := monitoring.find_retention_end('incident_hours_days');
  v_count bigint;
begin
  delete from monitoring.incident_hours
  where incident_hours.ctid = any(array(
    select due.ctid
    from monitoring.incident_hours as due
    where due.hour < v_end
    order by due.hour
    limit purge_incident_hours.batch_size
    for update skip locked
  ));
  get diagnostics v_count = row_count;
  return v_count;
end
$$;

comment on function monitoring.purge_incident_hours(integer) is
'Deletes at most batch_size hours of incidents that are older than retention.incident_hours_days, and returns their
number.';
