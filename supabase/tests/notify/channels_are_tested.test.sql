begin;

select plan(14);

insert into monitoring.secrets (name, value)
values ('tap_url', 'https://hooks.example.com/tap'), ('tap_signing', 'whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz');

update public.system_config
set value = value || '{"email": true}'
where key = 'feature_flags';

update public.system_config
set value = '[
  {"name": "tap ops", "kind": "slack", "url_secret": "tap_url"},
  {"name": "tap paused", "kind": "slack", "url_secret": "tap_url", "enabled": false},
  {"name": "tap agent", "kind": "agent", "url_secret": "tap_url", "signing_secret": "tap_signing"},
  {"name": "tap mail", "email": "ann@example.com"}
]'
where key = 'notification_recipients';

-- The newest test of a channel.
create function pg_temp.newest(channel_name text) returns monitoring.notifications language sql as $$
  select notifications.* from monitoring.notifications
  where channel = channel_name and event = 'test' order by id desc limit 1
$$;

create function pg_temp.set_newest(channel_name text, answered integer, said text, problem text) returns void
language sql as $$
  update monitoring.notifications
  set
    status = case when answered = 200 then 'delivered' else 'dead' end::monitoring.notification_status,
    lease_expires_at = null, finished_at = clock_timestamp(), answered_at = clock_timestamp(), sent_at = clock_timestamp(),
    answer_status = answered, answer = said, error = problem
  where id = (pg_temp.newest(channel_name)).id
$$;

select throws_ok(
  $$ select public.send_test_notification('tap nobody') $$, 'PT404', 'there is no notification channel of this name',
  'an unknown channel is refused'
);

create function pg_temp.hint_of(channel_name text) returns text language plpgsql as $$
declare
  v_hint text;
begin
  perform public.send_test_notification(channel_name);
  return null;
exception
  when others then
    get stacked diagnostics v_hint = pg_exception_hint;
    return v_hint;
end
$$;

select is(
  pg_temp.hint_of('tap nobody'), 'The channels are tap ops, tap paused, tap agent, tap mail.',
  'the refusal names the channels that exist'
);

select throws_ok(
  $$ select public.send_test_notification('tap paused') $$, 'PT409',
  'nothing is sent to the channel now: the channel is disabled',
  'a paused channel is not tested'
);

select results_eq(
  $$ select answer ->> 'channel', answer ->> 'status' in ('queued', 'sending'), answer ->> 'answer_status',
       answer ->> 'answer', answer ->> 'hint'
     from public.send_test_notification('Tap OPS') as answer $$,
  $$ values (
       'tap ops', true, null::text, null::text,
       'The message is on its way. Call the function again in a few seconds: it returns what the channel answered.'
     ) $$,
  'the first call sends a test'
);

select is(
  (pg_temp.newest('tap ops')).details, '{"title": "Test of the channel tap ops"}'::jsonb,
  'the test says what it is'
);

select pg_temp.set_newest('tap ops', 200, 'ok', null);

select is(
  public.send_test_notification('tap ops'),
  '{"channel": "tap ops", "status": "delivered", "answer_status": 200, "answer": "ok", "error": null,
    "hint": "The channel accepted the message."}'::jsonb,
  'the second call tells the answer'
);

select isnt(
  public.send_test_notification('tap ops') ->> 'status', 'delivered', 'the third call sends another test'
);

select pg_temp.set_newest('tap ops', 404, 'no_service', 'answered 404: no_service');

select is(
  public.send_test_notification('tap ops'),
  '{"channel": "tap ops", "status": "dead", "answer_status": 404, "answer": "no_service",
    "error": "answered 404: no_service", "hint": "Correct what error says. The next call sends another test."}'::jsonb,
  'a refusal is told'
);

select public.send_test_notification('tap ops') is not null as sent;

update monitoring.notifications
set created_at = clock_timestamp() - interval '61 seconds', error = 'no answer'
where id = (pg_temp.newest('tap ops')).id;

select isnt(
  public.send_test_notification('tap ops') ->> 'error', 'no answer', 'after a minute, a call sends another test'
);

select results_eq(
  $$ select status::text, error from monitoring.notifications
     where channel = 'tap ops' and event = 'test' order by id desc offset 1 limit 1 $$,
  $$ values ('dead', 'no answer; replaced by another test') $$,
  'the former test is not retried any more'
);

update monitoring.notifications
set
  status = 'queued', lease_expires_at = null, attempts = 1, error = 'answered 500', answer_status = 500,
  next_attempt_at = clock_timestamp() + interval '10 seconds'
where id = (pg_temp.newest('tap ops')).id;

select is(
  public.send_test_notification('tap ops') ->> 'hint',
  'The attempt failed, and is repeated. Call the function again in a few seconds, or correct what error says.',
  'a failed attempt is told while it is repeated'
);

select set_config('request.jwt.claims', '{"role": "service_role"}', true);

update public.system_config
set value = '{"enabled": true, "reason": "tap"}'
where key = 'kill_switch';

select throws_ok(
  $$ select public.send_test_notification('tap agent') $$, 'PT409',
  'nothing is sent to the channel now: the kill switch is on',
  'no agent is woken while the kill switch is on'
);

update public.system_config
set value = value || '{"email": false}'
where key = 'feature_flags';

select throws_ok(
  $$ select public.send_test_notification('tap mail') $$, 'PT409',
  'nothing is sent to the channel now: feature_flags.email is off',
  'no e-mail is sent while e-mails are off'
);

update public.system_config
set value = '[]'
where key = 'notification_recipients';

select is(
  pg_temp.hint_of('tap ops'), 'No channel is configured. An operator can add one to notification_recipients.',
  'the refusal says that there is no channel'
);

select * from finish();

rollback;
