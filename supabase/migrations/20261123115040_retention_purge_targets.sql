-- Purpose: deletes old figures of targets and old looks. Checks are deleted by drop_old_partitions().
-- Objects: functions monitoring.purge_target_hours, monitoring.purge_target_days, monitoring.purge_looks.
-- Risks: hours go by whole days: a day counted again from its remaining hours would lose the purged ones.

create function monitoring.purge_target_hours(batch_size integer)
returns bigint
language plpgsql
volatile
strict
security invoker
set search_path = ''
as $$
declare
  v_end constant timestamptz := date_trunc('day', monitoring.find_retention_end('target_history_days'), 'UTC');
  v_count bigint;
begin
  delete from monitoring.target_hourly_stats
  where target_hourly_stats.ctid = any(array(
    select due.ctid
    from monitoring.target_hourly_stats as due
    where due.hour < v_end
    order by due.hour
    limit purge_target_hours.batch_size
    for update skip locked
  ));
  get diagnostics v_count = row_count;
  return v_count;
end
$$;

comment on function monitoring.purge_target_hours(integer) is
'Deletes at most batch_size hourly figures of targets that are older than retention.target_history_days, and returns
their number.';

create function monitoring.purge_target_days(batch_size integer)
returns bigint
language plpgsql
volatile
strict
security invoker
set search_path = ''
as $$
declare
  v_end constant date := (monitoring.find_retention_end('target_history_days') at time zone 'UTC')::date;
  v_count bigint;
begin
  delete from monitoring.target_daily_stats
  where target_daily_stats.ctid = any(array(
    select due.ctid
    from monitoring.target_daily_stats as due
    where due.day < v_end
    order by due.day
    limit purge_target_days.batch_size
    for update skip locked
  ));
  get diagnostics v_count = row_count;
  return v_count;
end
$$;

comment on function monitoring.purge_target_days(integer) is
'Deletes at most batch_size daily figures of targets that are older than retention.target_history_days, and returns
their number.';

create function monitoring.purge_looks(batch_size integer)
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
  delete from monitoring.target_looks
  where target_looks.ctid = any(array(
    select due.ctid
    from monitoring.target_looks as due
    where due.requested_at < now() - interval '7 days'
    order by due.requested_at
    limit purge_looks.batch_size
    for update skip locked
  ));
  get diagnostics v_count = row_count;
  return v_count;
end
$$;

comment on function monitoring.purge_looks(integer) is
'Deletes at most batch_size looks that are older than 7 days, and returns their number.';
