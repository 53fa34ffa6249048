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
begin
  perform cron.schedule('monitoring-purge-receipts', '17 * * * *', 'select private.purge_receipts()');
end
$$;

revoke all on function private.schedule_jobs() from public, anon, authenticated, service_role;

comment on function private.schedule_jobs() is
'Schedules every job of the monitoring agent by its name. Safe to repeat.';

select private.schedule_jobs();
