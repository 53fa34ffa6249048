begin;

select plan(7);

select results_eq(
  $$ select cron from unnest(array[
       '0 2 * * *', '*/15 8-18 * * mon-fri', '0,30 0-23/2 1,15 jan,7-12/2 *', '5/10 * * * 7', '@hourly', '@Daily',
       ' 0  2 29 2 * ', '0 0 * * fri-sun', '@yearly', '@annually', '@weekly', '@midnight', '@monthly'
     ]) as given (cron) where monitoring.find_cron_problem(cron) is not null $$,
  $$ select ''::text where false $$,
  'valid expressions have no problem'
);

select results_eq(
  $$ select cron from unnest(array[
       '', '0 2 * *', '0 2 * * * *', '@reboot', '60 * * * *', '* 24 * * *', '* * 0 * *', '* * 32 * *', '* * * 13 *',
       '* * * * 8', '*/0 * * * *', '5-1 * * * *', '*-5 * * * *', '1,,2 * * * *', '0 0 30 2 *', '* * * foo *',
       '* * L * *', '* * * * mon#1', '-1 * * * *', '1.5 * * * *', '0 2 * * sat-mon'
     ]) as given (cron) where monitoring.find_cron_problem(cron) is null $$,
  $$ select ''::text where false $$,
  'invalid ones have one'
);

select is(
  monitoring.find_cron_problem('0 25 * * *'), 'has an invalid hour: write numbers from 0 to 23, such as 2 or 8-18',
  'the field is named'
);

select is(
  monitoring.find_cron_problem('0 0 31 4 *'), 'names a day that does not occur within the next nine years',
  'a day that never comes is no schedule'
);

select results_eq(
  $$ select monitoring.read_cron_field('1,20-30/5,58/1,*/30', 0, 59, '{}'),
       monitoring.read_cron_field('fri-sun,7,mon', 0, 6, '{sun,mon,tue,wed,thu,fri,sat}') $$,
  $$ values ('{0,1,20,25,30,58,59}'::integer[], '{0,1,5,6}'::integer[]) $$,
  'a list is sorted, and Sunday is 0 and 7'
);

select results_eq(
  $$ select parsed.minutes, parsed.hours, parsed.any_day_counts from monitoring.parse_cron('@hourly') as parsed $$,
  $$ select '{0}'::integer[], array(select generate_series(0, 23)), false $$,
  'words stand for fields'
);

select is(monitoring.split_cron(' 0  2 * * MON '), array['0', '2', '*', '*', 'mon'], 'fields are separated by spaces');

select * from finish();

rollback;
