begin;

select plan(5);

select throws_ok(
  $$ select public.queue_email('ann@example.com', 's') $$, 'PT409', 'sending e-mails is disabled', 'by default no e-mail is queued'
);

update public.system_config
set value = '{"email": true}'
where key = 'feature_flags';

update public.system_config
set value = '[{"email": "tap@example.com"}]'
where key = 'notification_recipients';

select set_config('request.jwt.claims', '{"role": "authenticated"}', true);

set local role authenticated;

select throws_ok(
  $$ select public.queue_email('anyone@evil.example', 's') $$,
  'PT403', 'agents may send e-mails to the configured recipients only', 'an agent cannot send to other addresses'
);

select ok(public.queue_email('tap@example.com', 's') > 0, 'an agent can send to the configured recipients');

reset role;

update public.system_config
set value = '{"enabled": true}'
where key = 'kill_switch';

select throws_ok(
  $$ select public.queue_email('tap@example.com', 's') $$, 'PT409', 'sending e-mails is disabled',
  'an agent sends no e-mail while the kill switch is on'
);

select set_config('request.jwt.claims', '{"role": "service_role"}', true);

select ok(public.queue_email('tap@example.com', 's') > 0, 'the kill switch does not silence the product itself');

select * from finish();

rollback;
