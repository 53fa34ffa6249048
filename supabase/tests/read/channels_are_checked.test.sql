begin;

select plan(5);

insert into monitoring.secrets (name, value)
values ('tap_url', 'https://hooks.example.com/tap'), ('tap_token', 'tap-token');

update public.system_config
set value = value || '{"email": false}'
where key = 'feature_flags';

update public.system_config
set value = '[]'
where key = 'notification_recipients';

delete from monitoring.notifications;

select results_eq(
  $$ select name, result, sentence from monitoring.check_notifications() $$,
  $$ values
     (
       'notification channels', 'warning',
       'No notification channel is configured and active: an incident tells nobody.'
     ),
     ('dead notifications', 'ok', 'No notification was given up in the last day.') $$,
  'a database without channels is pointed out'
);

update public.system_config
set value = '[
  {"name": "ops", "kind": "slack", "url_secret": "tap_url"},
  {"name": "boss", "kind": "pagerduty", "token_secret": "tap_token", "url_secret": "tap_url"},
  {"name": "paused", "kind": "slack", "url_secret": "tap_url", "enabled": false},
  {"name": "mail", "email": "ann@example.com"}
]'
where key = 'notification_recipients';

select results_eq(
  $$ select name, result, sentence from monitoring.check_notifications() $$,
  $$ values
     ('notification channels', 'ok', 'Incidents notify ops, boss.'),
     ('secrets of channels', 'ok', 'The secrets of the notification channels exist.'),
     ('dead notifications', 'ok', 'No notification was given up in the last day.') $$,
  'channels whose secrets exist are ok'
);

delete from monitoring.secrets
where name = 'tap_token';

select results_eq(
  $$ select result, replace(sentence, monitoring.describe_secret_creation(), '<statement>'), remedy
     from monitoring.check_notifications() where name = 'secrets of channels' $$,
  $$ values (
       'failed',
       'Channels cannot be notified: boss, whose token_secret names no secret that exists. Create it with <statement> '
       'and write its name, not its value.',
       'Create the secret again, with ' || monitoring.describe_secret_creation()
     ) $$,
  'a channel whose secret has vanished is named'
);

insert into monitoring.notifications (channel, event, status, error, finished_at)
values
('ops', 'opened', 'dead', 'answered 404: no_service', now()), ('ops', 'opened', 'dead', 'answered 410', now()),
('boss', 'opened', 'dead', null, now() - interval '23 hours'), ('boss', 'opened', 'dead', 'e', now() - interval '25 hours'),
('ops', 'test', 'dead', 'e', now());

select results_eq(
  $$ select result, sentence from monitoring.check_notifications() where name = 'dead notifications' $$,
  $$ values (
       'warning',
       'In the last day, notifications were given up: 1 of boss (without a reason); 2 of ops (answered 410).'
     ) $$,
  'what was given up in the last day is reported with the newest reason'
);

select is(
  (
    select count(*) from public.check_installation()
    where name in ('notification channels', 'secrets of channels')
  ),
  2::bigint, 'check_installation() returns these checks'
);

select * from finish();

rollback;
