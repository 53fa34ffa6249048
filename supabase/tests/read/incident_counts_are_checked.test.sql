begin;

select plan(1);

select throws_ok(
  $$ insert into monitoring.incident_daily_stats values ('2026-01-01', 'LOW', 'backend', -1, 0, 0, 0, 0) $$,
  '23514', 'new row for relation "incident_daily_stats" violates check constraint "figures_are_not_negative"',
  'negative counts are rejected'
);

select * from finish();

rollback;
