begin;

select plan(6);

insert into private.event_receipts (idempotency_key, answer, created_at)
values
('purge test old', '{}', now() - interval '25 hours'),
('purge test new', '{}', now() - interval '23 hours');

insert into private.source_quotas (source, window_started_at, created_count)
values
('purge test silent', now() - interval '2 hours', 1),
('purge test busy', now(), 1);

select is(
  private.purge_receipts(), 1::bigint,
  'the key past its retention is forgotten'
);

select results_eq(
  $$ select idempotency_key from private.event_receipts where idempotency_key like 'purge test %' $$,
  $$ values ('purge test new') $$,
  'the other is kept'
);

select results_eq(
  $$ select source from private.source_quotas where source like 'purge test %' $$,
  $$ values ('purge test busy') $$,
  'a quota of a silent source is dropped'
);

select results_eq(
  $$ select schedule, command from cron.job where jobname = 'monitoring-purge-receipts' $$,
  $$ values ('17 * * * *', 'select private.purge_receipts()') $$,
  'it is scheduled'
);

select lives_ok(
  $$ select private.schedule_jobs() $$,
  'scheduling again is harmless'
);

select is(
  (
    select count(*) from cron.job
    where jobname = 'monitoring-purge-receipts'
  ),
  1::bigint,
  'and makes no second job'
);

select * from finish();

rollback;
