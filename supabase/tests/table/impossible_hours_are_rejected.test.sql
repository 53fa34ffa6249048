begin;

select plan(3);

insert into public.incidents (id, fingerprint, title, message, severity, category, rule)
values ('INC-1', 'tap hours', 't', 'm', 'LOW', 'backend', 'r');

select throws_ok(
  $$ insert into monitoring.incident_hours values ('INC-1', '2026-01-31 10:30:00+00', '', '', 1, now(), now()) $$,
  '23514', 'new row for relation "incident_hours" violates check constraint "hours_begin_on_the_hour"',
  'an hour that does not begin on the hour is rejected'
);

select throws_ok(
  $$ insert into monitoring.incident_hours values ('INC-1', '2026-01-31 10:00:00+00', '', '', 0, now(), now()) $$,
  '23514', 'new row for relation "incident_hours" violates check constraint "occurrences_are_positive"',
  'no occurrence is rejected'
);

select throws_ok(
  $$ insert into monitoring.incident_hours
     values ('INC-1', '2026-01-31 10:00:00+00', '', '', 1, now(), now() - interval '1 second') $$,
  '23514', 'new row for relation "incident_hours" violates check constraint "occurrences_are_in_order"',
  'a last occurrence before the first is rejected'
);

select * from finish();

rollback;
