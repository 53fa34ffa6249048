begin;

select plan(8);

select results_eq(
  $$ select monitoring.next_cron_time(cron, 'UTC', '2026-03-04 05:06:07+00') from (
       values (1, '* * * * *'), (2, '0 2 * * *'), (3, '*/15 8-18 * * mon-fri'), (4, '0 0 1 * *'), (5, '30 5 29 2 *'),
         (6, '0 0 13 * fri'), (7, '@weekly'), (8, '6 5 * * *')
     ) as given (place, cron) order by place $$,
  $$ select moment::timestamptz from unnest(array[
       '2026-03-04 05:07+00', '2026-03-05 02:00+00', '2026-03-04 08:00+00', '2026-04-01 00:00+00',
       '2028-02-29 05:30+00', '2026-03-06 00:00+00', '2026-03-08 00:00+00', '2026-03-05 05:06+00'
     ]) as expected (moment) $$,
  'the next time is the first one after the moment; with both day fields, one is enough'
);

select is(
  monitoring.next_cron_time('0 0 29 2 *', 'UTC', '2096-03-01 00:00+00'), '2104-02-29 00:00+00',
  'a leap year can be eight years away'
);

select is(
  monitoring.next_cron_time('30 2 * * *', 'Europe/Berlin', '2026-03-28 12:00+00'), '2026-03-30 00:30+00',
  'a time that the clock skips in spring does not occur on that day'
);

select is(
  monitoring.next_cron_time('30 * * * *', 'Europe/Berlin', '2026-03-29 00:30+00'), '2026-03-29 01:30+00',
  'every hour is every hour'
);

select results_eq(
  $$ select monitoring.next_cron_time('30 2 * * *', 'Europe/Berlin', moment) from (
       values ('2026-10-24 23:00+00'::timestamptz), ('2026-10-25 00:30+00')
     ) as given (moment) order by moment $$,
  $$ values ('2026-10-25 00:30+00'::timestamptz), ('2026-10-26 01:30+00') $$,
  'an hour that comes twice in autumn counts once'
);

select results_eq(
  $$ select monitoring.next_cron_time('30 * * * *', 'Europe/Berlin', moment) from (
       values ('2026-10-25 00:00+00'::timestamptz), ('2026-10-25 00:30+00'), ('2026-10-25 01:30+00')
     ) as given (moment) order by moment $$,
  $$ values ('2026-10-25 00:30+00'::timestamptz), ('2026-10-25 01:30+00'), ('2026-10-25 02:30+00') $$,
  'but twice for a schedule of every hour'
);

select is(
  monitoring.next_cron_time('0 0 30 2 *', 'UTC', '2026-01-01 00:00+00'), null, 'a day that never comes has no time'
);

select results_eq(
  $$ select monitoring.first_instant(local_time, timezone) from (
       values (1, '2026-10-25 02:30'::timestamp, 'Europe/Berlin'), (2, '2026-03-29 02:30', 'Europe/Berlin'),
         (3, '2026-04-05 01:45', 'Australia/Lord_Howe')
     ) as given (place, local_time, timezone) order by place $$,
  $$ values ('2026-10-25 00:30+00'::timestamptz), ('2026-03-29 01:30+00'), ('2026-04-04 14:45+00') $$,
  'the first time that a clock shows something, also where it moves by half an hour'
);

select * from finish();

rollback;
