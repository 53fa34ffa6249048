begin;

select plan(9);

delete from monitoring.notification_channels;

insert into monitoring.secrets (name, value)
values ('tap-hook', 'http://127.0.0.1:9/tap-once'), ('tap-sign', 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw');

insert into monitoring.notification_channels (name, place, kind, min_severity, events, url_secret, signing_secret)
values ('tap once', 1, 'webhook', 'LOW', '{opened,escalated,resolved}', 'tap-hook', 'tap-sign');

create function monitoring.test_open(key text)
returns text
language sql
set search_path = ''
as $$
  insert into public.incidents (fingerprint, title, message, severity, category, rule)
  values (test_open.key, 't', 'm', 'HIGH', 'backend', 'r')
  returning incidents.id
$$;

create function monitoring.test_outbox(key text)
returns table (channel text, event text, status text, attempts integer)
language sql
set search_path = ''
as $$
  select notifications.channel, notifications.event::text, notifications.status::text, notifications.attempts
  from monitoring.notifications
  join public.incidents on incidents.id = notifications.incident_id
  where incidents.fingerprint = test_outbox.key
  order by notifications.id
$$;

select monitoring.test_open('tap once 1');

select results_eq(
  $$ select * from monitoring.test_outbox('tap once 1') $$, $$ values ('tap once', 'opened', 'sending', 1) $$,
  'a new notification is enqueued in the transaction of the transition'
);

select results_eq(
  $$ select request.headers ->> 'webhook-id', request.timeout_milliseconds, lease_expires_at > now() + interval '29 s'
     from net.http_request_queue as request
     join monitoring.notifications on request_id = request.id
     where request.url = 'http://127.0.0.1:9/tap-once' $$,
  $$ select message_id, 5000, true from monitoring.notifications where channel = 'tap once' $$,
  'its request carries the id of the message, and its lease is longer than its timeout'
);

update public.incidents
set severity = 'CRITICAL'
where fingerprint = 'tap once 1';

select results_eq(
  $$ select * from monitoring.test_outbox('tap once 1') offset 1 $$, $$ values ('tap once', 'escalated', 'queued', 0) $$,
  'the next one waits until it is settled'
);

delete from monitoring.notifications
where notifications.event = 'escalated';

insert into public.incidents (fingerprint, title, message, severity, category, rule)
select
  'tap storm ' || storm.number as fingerprint,
  't' as title,
  'm' as message,
  'HIGH' as severity,
  'backend' as category,
  'r' as rule
from generate_series(1, 30) as storm (number);

select is(
  (
    select count(*) filter (where notifications.status = 'sending')
    from monitoring.notifications
    inner join public.incidents on notifications.incident_id = incidents.id
    where incidents.fingerprint like 'tap storm %'
  ),
  18::bigint, 'the last message of the minute is left to the job, for a digest'
);

delete from monitoring.notifications;

insert into monitoring.notification_channels (name, place, kind, min_severity, events, url_secret, signing_secret)
values ('tap deaf', 0, 'webhook', 'LOW', '{opened}', 'tap-missing', 'tap-sign');

select monitoring.test_open('tap once 2');

select results_eq(
  $$ select * from monitoring.test_outbox('tap once 2') $$,
  $$ values ('tap deaf', 'opened', 'queued', 0), ('tap once', 'opened', 'queued', 0) $$,
  'what cannot be sent stays queued, and the transition is stored'
);

select is(monitoring.send_due_notifications(), 1, 'the job sends the rest');

select results_eq(
  $$ select channel, status::text, attempts, error from monitoring.notifications order by channel $$,
  $$ values
     ('tap deaf', 'queued', 1, 'the secret ''tap-missing'' does not exist or is empty'),
     ('tap once', 'sending', 1, null) $$,
  'and records what is wrong with a channel'
);

select monitoring.test_open('tap once 3');

select results_eq(
  $$ select * from monitoring.test_outbox('tap once 3') $$,
  $$ values ('tap deaf', 'opened', 'queued', 0), ('tap once', 'opened', 'sending', 1) $$,
  'after that it delays no other channel'
);

delete from monitoring.notifications;
delete from monitoring.notification_channels
where notification_channels.name = 'tap deaf';

update public.incidents
set status = 'suppressed'
where fingerprint = 'tap once 1';

insert into monitoring.notifications (channel, incident_id, event, severity)
select
  'tap once' as channel,
  incidents.id as incident_id,
  'opened' as event,
  'HIGH' as severity
from public.incidents
where incidents.fingerprint = 'tap once 1';

select monitoring.test_open('tap once 4');

select results_eq(
  $$ select * from monitoring.test_outbox('tap once 4') $$,
  $$ values ('tap once', 'opened', 'sending', 1) $$,
  'a notification that is held, as of a suppressed incident, delays no other one'
);

select * from finish();

rollback;
