begin;

select plan(8);

delete from monitoring.notification_channels;

insert into monitoring.secrets (name, value)
values ('tap-mail', 'http://127.0.0.1:9/tap-mail'), ('tap-token', 're_tap');

insert into monitoring.notification_channels (
  name, place, kind, min_severity, events, provider, email, from_address, url_secret, token_secret
)
values
('tap mailer', 1, 'email', 'HIGH', '{opened,escalated,reopened,resolved}', null, 'tap-ann@example.com', null, null, null),
(
  'tap resend', 2, 'email', 'HIGH', '{opened,resolved}', 'resend', 'tap-ben@example.com', 'ops@example.com', 'tap-mail',
  'tap-token'
);

update public.system_config
set value = '{"email": false}'
where key = 'feature_flags';

insert into public.incidents (fingerprint, title, message, severity, category, rule)
values ('tap mail 0', 't', 'm', 'HIGH', 'backend', 'r');

select is_empty(
  $$ select from monitoring.notifications join public.incidents on incidents.id = incident_id
     where fingerprint = 'tap mail 0' $$,
  'no e-mail is written while feature_flags.email is off'
);

update public.system_config
set value = '{"email": true}'
where key = 'feature_flags';

insert into public.incidents (id, fingerprint, title, message, severity, category, rule)
values ('INC-TAP1', 'tap mail 1', 'Checkout fails', 'm', 'HIGH', 'backend', 'r');

update public.incidents
set status = 'resolved', resolved_at = now(), resolution = 'x'
where id = 'INC-TAP1';

update public.incidents
set status = 'open', resolved_at = null, resolution = null, severity = 'CRITICAL'
where id = 'INC-TAP1';

select results_eq(
  $$ select subject, status::text from public.email_tracking where recipient = 'tap-ann@example.com' order by id $$,
  $$ values
     ('[HIGH] INC-TAP1 Checkout fails', 'queued'), ('[HIGH] INC-TAP1 resolved: Checkout fails', 'queued'),
     ('[CRITICAL] INC-TAP1 reopened: Checkout fails', 'queued') $$,
  'an e-mail for a mailer of yours is queued for each transition'
);

select results_eq(
  $$ select distinct status::text, email_id is not null from monitoring.notifications
     where channel = 'tap mailer' and incident_id = 'INC-TAP1' $$,
  $$ values ('delivered', true) $$,
  'its notification is done'
);

select results_eq(
  $$ select event::text, notifications.status::text, email_tracking.status::text
     from monitoring.notifications left join public.email_tracking on email_tracking.id = email_id
     where channel = 'tap resend' and notifications.incident_id = 'INC-TAP1' order by notifications.id $$,
  $$ values ('opened', 'sending', 'queued'), ('resolved', 'queued', null) $$,
  'with a provider, the e-mail is written when it is sent'
);

select
  monitoring.store_notification_answer(
    notifications.request_id, 200, '{}', '{"id": "49a3999c-0ce1-4ea6-ab68-afcd6dc2e794"}', false, null
  )
from monitoring.notifications
where
  notifications.channel = 'tap resend'
  and notifications.event = 'opened';

select monitoring.settle_notifications();

select results_eq(
  $$ select provider_id, status::text, sent_at is not null from public.email_tracking
     where recipient = 'tap-ben@example.com' $$,
  $$ values ('49a3999c-0ce1-4ea6-ab68-afcd6dc2e794', 'sent', true) $$,
  'the id at the provider is recorded'
);

update monitoring.notifications
set next_attempt_at = now(), created_at = now() - interval '1 hour'
where channel = 'tap resend';

update monitoring.notifications
set sent_at = now() - interval '1 hour', finished_at = now() - interval '1 hour'
where
  channel = 'tap resend'
  and event = 'opened';

select monitoring.send_channel('tap resend');

select
  monitoring.store_notification_answer(
    notifications.request_id, 422, '{}', '{"message": "Invalid from"}', false, null
  )
from monitoring.notifications
where
  notifications.channel = 'tap resend'
  and notifications.status = 'sending';

select monitoring.settle_notifications();

select results_eq(
  $$ select subject, status::text, error from public.email_tracking where recipient = 'tap-ben@example.com'
     order by id offset 1 $$,
  $$ values ('[CRITICAL] INC-TAP1 resolved: Checkout fails', 'failed', 'answered 422: {"message": "Invalid from"}') $$,
  'and why it refused an e-mail'
);

update public.incidents
set status = 'open', resolved_at = null, resolution = null
where id = 'INC-TAP1';

insert into monitoring.notifications (channel, incident_id, event, severity, details)
values ('tap resend', 'INC-TAP1', 'escalated', 'CRITICAL', '{"title": "Checkout fails"}');

update monitoring.notification_channels
set provider = null, from_address = null, url_secret = null, token_secret = null
where name = 'tap resend';

select monitoring.send_channel('tap resend');

select results_eq(
  $$ select notifications.status::text, notifications.error, email_tracking.status::text
     from monitoring.notifications join public.email_tracking on email_tracking.id = email_id
     where channel = 'tap resend' and event = 'escalated' $$,
  $$ values ('delivered', null, 'queued') $$,
  'what waits when the channel loses its provider is handed to the mailer'
);

update monitoring.notification_channels
set provider = 'resend', from_address = 'ops@example.com', url_secret = 'tap-mail', token_secret = 'tap-token'
where name = 'tap resend';

update public.system_config
set value = '{"email": false}'
where key = 'feature_flags';

insert into monitoring.notifications (channel, event, severity, details)
values ('tap resend', 'test', null, '{}');

select monitoring.send_due_notifications();

select results_eq(
  $$ select status::text, error from monitoring.notifications where channel = 'tap resend' and event = 'test' $$,
  $$ values ('dead', 'feature_flags.email is off') $$,
  'what waits while feature_flags.email is off is given up'
);

select * from finish();

rollback;
