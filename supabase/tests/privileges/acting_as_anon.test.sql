begin;

select plan(5);

insert into public.incidents (id, fingerprint, title, message, severity, category, rule)
values ('INC-1', 'seen', 't', 'm', 'LOW', 'backend', 'r');

set local role anon;

select throws_ok(
  $$ select from public.incidents $$,
  '42501', null,
  'anon reads no incident'
);

select throws_ok(
  $$ select public.report_error('{}') $$,
  '42501', null,
  'anon reports nothing'
);

select throws_ok(
  $$ select public.classify_error('x') $$,
  '42501', null,
  'anon classifies nothing'
);

select throws_ok(
  $$ select public.ingest_events('[]') $$,
  '42501', null,
  'anon ingests nothing'
);

select throws_ok(
  $$ select from monitoring.event_receipts $$,
  '42501', null,
  'anon has no USAGE on monitoring'
);

select * from finish();

rollback;
