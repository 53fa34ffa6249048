begin;

select plan(7);

create temporary table mails on commit drop as
with made as (
  insert into public.email_tracking (recipient, subject)
  values ('ann@example.com', 's')
  returning email_tracking.id
)

select made.id
from made;

insert into monitoring.notifications (channel, event, message_id, email_id)
select
  'tap' as channel,
  'test' as event,
  'msg_tap_1' as message_id,
  mails.id as email_id
from mails;

create function pg_temp.find(provider_id text, recipient text, message_id text)
returns bigint
language sql
as $$
  select monitoring.find_email(
    ('sent', provider_id, (select id from mails), message_id, jsonb_build_array(recipient), null, null)::monitoring.email_event
  )
$$;

select is(pg_temp.find('x', 'ANN@example.com', null), (select id from mails), 'the same recipient is required');

select is(pg_temp.find('x', 'Ann <ann@example.com>', 'msg_tap_1'), (select id from mails), 'and the same message, if it is named');

select is(pg_temp.find('x', 'ben@example.com', null), null, 'an e-mail of another installation to somebody else is ignored');

select is(pg_temp.find('x', 'ann@example.com', 'msg_tap_2'), null, 'an e-mail of another installation to the same recipient is ignored');

update public.email_tracking
set provider_id = 'tap-own'
from mails
where email_tracking.id = mails.id;

select is(
  pg_temp.find('tap-foreign', 'ann@example.com', null), null,
  'when the id of the provider is known, an event with another one must name the message'
);

select throws_ok(
  $$ select public.record_provider_email_event('mailgun', '{}') $$, 'PT400', 'provider is unknown',
  'an unknown provider is refused'
);

select is(
  public.record_provider_email_event('resend', '{"type": "email.sent", "data": {"email_id": "tap-unknown"}}'),
  '{"effect": "ignored", "reason": "the e-mail is unknown"}', 'an unknown e-mail is ignored'
);

select * from finish();

rollback;
