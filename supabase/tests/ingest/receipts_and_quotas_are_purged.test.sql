begin;

select plan(7);

insert into monitoring.event_receipts (idempotency_key, answer, created_at)
values
('purge test old', '{}', now() - interval '25 hours'),
('purge test new', '{}', now() - interval '23 hours');

insert into monitoring.sender_quotas (sender, window_started_at, created_count)
values
('purge test silent', now() - interval '2 hours', 1),
('purge test busy', now(), 1);

select is(
  monitoring.purge_receipts(10), 1::bigint,
  'a key past its retention is deleted'
);

select results_eq(
  $$ select idempotency_key from monitoring.event_receipts where idempotency_key like 'purge test %' $$,
  $$ values ('purge test new') $$,
  'a newer key is kept'
);

select ok(monitoring.purge_quotas(1000) >= 1, 'quotas are purged by a job of their own');

select results_eq(
  $$ select sender from monitoring.sender_quotas where sender like 'purge test %' $$,
  $$ values ('purge test busy') $$,
  'the quota of an inactive sender is deleted'
);

select results_eq(
  $$ select schedule, command from cron.job where jobname = 'monitoring-purge-receipts' $$,
  $$ values ('17 * * * *', monitoring.write_purge_command('purge_receipts(5000)', 5000)) $$,
  'the purge is scheduled'
);

select lives_ok(
  $$ select monitoring.schedule_jobs() $$,
  'scheduling again succeeds'
);

select is(
  (
    select count(*) from cron.job
    where jobname = 'monitoring-purge-receipts'
  ),
  1::bigint,
  'scheduling again creates no second job'
);

select * from finish();

rollback;
