begin;

select plan(8);

create function monitoring.test_is_scheduled()
returns boolean
language sql
set search_path = ''
as $$
  select exists (select from cron.job where job.jobname = 'monitoring-retry-deliveries')
$$;

delete from monitoring.deliveries
where next_attempt_at is not null;

update public.system_config
set value = value || '{"embeddings": true}'
where key = 'feature_flags';

select is_empty(
  $$ select from pg_locks
     where locktype = 'advisory' and classid = 20261127 and objid = 1 and pid = pg_backend_pid() $$,
  'nobody who stores a waiting delivery waits for a change of the configuration to be committed'
);

select monitoring.schedule_jobs();

select ok(not monitoring.test_is_scheduled(), 'without a waiting delivery the job is not scheduled');

insert into monitoring.deliveries (resource, body_hash, sent_at, effect)
values ('issue', 'retry test 1', now(), 'recorded');

select ok(not monitoring.test_is_scheduled(), 'a delivery that was applied needs no job');

insert into monitoring.deliveries (resource, body_hash, sent_at, effect, next_attempt_at)
values ('issue', 'retry test 2', now(), 'failed', now() + interval '1 hour');

select ok(monitoring.test_is_scheduled(), 'one that waits schedules the job');

select monitoring.retry_deliveries();

select ok(monitoring.test_is_scheduled(), 'the job stays while the delivery waits');

update monitoring.deliveries
set effect = 'recorded', next_attempt_at = null
where body_hash = 'retry test 2';

select is(monitoring.retry_deliveries(), 0::bigint, 'the job runs once more');

select ok(not monitoring.test_is_scheduled(), 'and unschedules itself');

insert into monitoring.deliveries (resource, body_hash, sent_at, effect, next_attempt_at)
values ('issue', 'retry test 3', now(), 'failed', now() + interval '1 hour');

select cron.unschedule('monitoring-retry-deliveries');

select monitoring.schedule_optional_jobs();

select ok(monitoring.test_is_scheduled(), 'the hourly job schedules what is missing');

select * from finish();

rollback;
