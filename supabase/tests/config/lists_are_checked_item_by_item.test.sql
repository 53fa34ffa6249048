begin;

select plan(8);

select throws_ok(
  $$ update public.system_config set value = '{}' where key = 'health_check_targets' $$,
  '23514', $m$health_check_targets must be a JSON list of objects$m$,
  'targets must be a list'
);

select throws_ok(
  $$ update public.system_config set value = '[{"name": "a", "type": "backend", "url": "https://a.example"}, {"name": "b", "type": "backend"}]' where key = 'health_check_targets' $$,
  '23514', $m$health_check_targets[1].url is missing: URL to probe, http or https$m$,
  'a target without a URL is rejected with its position'
);

select throws_ok(
  $$ update public.system_config set value = '[{"name": "a", "type": "backend", "url": "https://u:p@a.example"}]' where key = 'health_check_targets' $$,
  '23514', $m$health_check_targets[0].url must be an http or https URL without user name, password or control characters (URL to probe, http or https; required unless the type is heartbeat)$m$,
  'a URL with a password is rejected'
);

select throws_ok(
  $$ update public.system_config set value = '[{"name": "a", "type": "server", "url": "https://a.example"}]' where key = 'health_check_targets' $$,
  '23514', $m$health_check_targets[0].type must be one of backend, frontend, database, other, heartbeat (type of the target; decides the category and severity of its incidents)$m$,
  'an unknown type of target is rejected'
);

select throws_ok(
  $$ update public.system_config set value = '{"windows": [{"days": ["mon", "someday"], "from": "09:00", "to": "17:00"}]}' where key = 'deployment_windows' $$,
  '23514', $m$deployment_windows.windows[0].days must be a list of mon, tue, wed, thu, fri, sat, sun (days of the week)$m$,
  'an unknown day is rejected'
);

select throws_ok(
  $$ update public.system_config set value = '{"timezone": "Mars/Olympus"}' where key = 'deployment_windows' $$,
  '23514', $m$deployment_windows.timezone must be a timezone such as "Europe/Berlin" (timezone of the windows and dates)$m$,
  'an unknown timezone is rejected'
);

select throws_ok(
  $$ update public.system_config set value = '{"freeze_dates": ["2026-02-30"]}' where key = 'deployment_windows' $$,
  '23514', $m$deployment_windows.freeze_dates must be a list of dates as YYYY-MM-DD (dates on which agents may not deploy)$m$,
  'a date that does not exist is rejected'
);

select throws_ok(
  $$ update public.system_config set value = '[{"email": "nobody"}]' where key = 'notification_recipients' $$,
  '23514', $m$notification_recipients[0].email must be an e-mail address (address of the recipient)$m$,
  'a recipient without an address is rejected'
);

select * from finish();

rollback;
