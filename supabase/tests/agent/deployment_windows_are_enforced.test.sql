begin;

select plan(7);

update public.system_config
set value = '{"timezone": "Europe/Berlin", "freeze_dates": ["2026-12-24"], "windows": [
  {"days": ["mon", "tue"], "from": "09:00", "to": "16:00"}, {"days": ["fri"], "from": "22:00", "to": "02:00"}]}'
where key = 'deployment_windows';

select results_eq(
  $$ select monitoring.is_in_deployment_window(moment::timestamptz) from unnest(array[
       '2026-11-23 08:00+00', '2026-11-23 07:59+00', '2026-11-23 15:00+00', '2026-11-25 10:00+00'
     ]) as moment $$,
  $$ values (true), (false), (false), (false) $$,
  'days and hours of a window are in its timezone'
);

select results_eq(
  $$ select monitoring.is_in_deployment_window(moment::timestamptz) from unnest(array[
       '2026-11-27 21:30+00', '2026-11-28 00:30+00', '2026-11-28 01:00+00', '2026-11-28 21:30+00'
     ]) as moment $$,
  $$ values (true), (true), (false), (false) $$,
  'a window can end after midnight'
);

update public.system_config
set value = '{"timezone": "Europe/Berlin", "freeze_dates": ["2026-12-24"]}'
where key = 'deployment_windows';

select is(monitoring.is_in_deployment_window('2026-12-23 22:59+00'), true, 'without windows every time is allowed');

select is(monitoring.is_in_deployment_window('2026-12-23 23:00+00'), false, 'no deployment on a freeze date');

-- Of now, which may be a day of the years above.
update public.system_config
set value = '{"timezone": "Europe/Berlin"}'
where key = 'deployment_windows';

select is(
  monitoring.check_agent_action('deploy', null, '{}') @> '[{"check": "deployment_window", "passed": true}]', true,
  'deploying action types need an open window'
);

-- As a superuser or a restore can leave it.
alter table public.system_config disable trigger user;

update public.system_config
set value = '{"timezone": "Europe/Berlin", "windows": "always"}'
where key = 'deployment_windows';

select is(monitoring.is_in_deployment_window(now()), false, 'unreadable windows allow no deployment');

delete from public.system_config
where key = 'deployment_windows';

select is(monitoring.is_in_deployment_window(now()), false, 'a missing entry allows no deployment');

select * from finish();

rollback;
