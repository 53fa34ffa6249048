begin;

select plan(3);

select throws_ok(
  $$ insert into monitoring.report_hours values ('2026-01-31 10:30:00+00', 'LOW', 1, now()) $$,
  '23514', 'new row for relation "report_hours" violates check constraint "report_hours_begin_on_the_hour"',
  'an hour that does not begin on the hour is rejected'
);

select throws_ok(
  $$ insert into monitoring.report_hours values ('2026-01-31 10:00:00+00', 'LOW', -1, now()) $$,
  '23514', 'new row for relation "report_hours" violates check constraint "reports_are_not_negative"',
  'less than no report is rejected'
);

select throws_ok(
  $$ insert into monitoring.report_hours
     values ('2026-01-31 10:00:00+00', 'LOW', 1, now()), ('2026-01-31 10:00:00+00', 'LOW', 2, now()) $$,
  '23505', 'duplicate key value violates unique constraint "report_hours_pkey"',
  'an hour has one row of each severity'
);

select * from finish();

rollback;
