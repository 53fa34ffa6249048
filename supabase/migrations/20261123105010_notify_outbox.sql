-- Purpose: stores notifications from the transition of an incident until the channel has accepted them (transactional
--   outbox).
-- Objects: types monitoring.notification_event, monitoring.notification_status; tables
--   monitoring.notifications, monitoring.awaited_answers.
-- Risks: lock order: incidents in order of their fingerprints, then notifications in order of their ids. Who holds a
--   notification never waits for an incident.

create type monitoring.notification_event as enum (
  'opened', 'escalated', 'reopened', 'acknowledged', 'resolved', 'reminder', 'digest', 'test'
);

comment on type monitoring.notification_event is 'What a notification tells.';

create type monitoring.notification_status as enum ('queued', 'sending', 'delivered', 'collapsed', 'dead');

comment on type monitoring.notification_status is
'Status of a notification. queued: waits to be sent, again or for the first time. sending: enqueued in pg_net, the
answer is awaited until lease_expires_at. delivered: the channel accepted it. collapsed: over before it was sent, so
it never will be. dead: refused, or given up.';

create table monitoring.notifications (
  id bigint generated always as identity primary key,
  message_id text not null default 'msg_' || replace(gen_random_uuid()::text, '-', '') unique,
  channel text not null,
  incident_id text references public.incidents (id) on delete cascade,
  event monitoring.notification_event not null,
  severity public.incident_severity,
  details jsonb not null default '{}',
  email_id bigint references public.email_tracking (id) on delete set null,
  status monitoring.notification_status not null default 'queued',
  attempts integer not null default 0,
  may_have_arrived boolean not null default false,
  first_attempt_at timestamptz,
  next_attempt_at timestamptz not null default clock_timestamp(),
  lease_expires_at timestamptz,
  request_id bigint,
  sent_at timestamptz,
  earlier_sent_at timestamptz[] not null default '{}',
  answered_at timestamptz,
  answer_status integer,
  answer_headers jsonb,
  answer text,
  provider_id text,
  error text,
  digest_id bigint references monitoring.notifications (id) on delete set null,
  remind_at timestamptz,
  escalate_at timestamptz,
  created_at timestamptz not null default clock_timestamp(),
  finished_at timestamptz,
  constraint attempts_is_not_negative check (attempts >= 0),
  constraint details_is_an_object check (jsonb_typeof(details) = 'object'),
  constraint finished_notifications_say_when check (
    (status in ('delivered', 'collapsed', 'dead')) = (finished_at is not null)
  ),
  constraint sending_notifications_have_a_lease check ((status = 'sending') = (lease_expires_at is not null))
);

-- What is not finished, in order, for each channel.
create index notifications_unfinished_idx on monitoring.notifications (channel, id)
where status in ('queued', 'sending');

create index notifications_sending_idx on monitoring.notifications (id)
where status = 'sending';

-- For the timeline of an incident, and for its deletion.
create index notifications_incident_idx on monitoring.notifications (incident_id, id);

-- What a channel knows of an incident. While it flaps, nearly all of its notifications collapse.
create index notifications_told_idx on monitoring.notifications (incident_id, channel, id)
where status <> 'collapsed' or remind_at is not null or escalate_at is not null;

-- Messages of the last minute, for the limit of a channel.
create index notifications_sent_idx on monitoring.notifications (channel, sent_at);

create index notifications_digest_idx on monitoring.notifications (digest_id)
where digest_id is not null;

create index notifications_remind_idx on monitoring.notifications (remind_at)
where remind_at is not null;

create index notifications_escalate_idx on monitoring.notifications (escalate_at)
where escalate_at is not null;

create index notifications_email_idx on monitoring.notifications (email_id)
where email_id is not null;

-- What was given up lately.
create index notifications_dead_idx on monitoring.notifications (finished_at)
where status = 'dead';

create index notifications_created_idx on monitoring.notifications (created_at);

alter table monitoring.notifications enable row level security;

create policy notifications_is_read_by_nobody on monitoring.notifications
for select to authenticated
using (false);

revoke all on table monitoring.notifications from public, anon, authenticated, service_role;

revoke all on sequence monitoring.notifications_id_seq from public, anon, authenticated, service_role;

comment on table monitoring.notifications is
'Outbox: one row for each channel and transition of an incident, written in the transaction of the transition. A job
sends the rows until the channel has accepted them.';

comment on column monitoring.notifications.id is
'Id. The notifications of an incident and channel are sent in this order.';

comment on column monitoring.notifications.message_id is
'Id of the message, the same at each attempt, by which a receiver recognizes duplicates.';

comment on column monitoring.notifications.channel is 'Name of the channel in notification_recipients.';

comment on column monitoring.notifications.incident_id is 'Incident. Null for digests and tests.';

comment on column monitoring.notifications.event is 'What the notification tells.';

comment on column monitoring.notifications.severity is
'Severity of the incident at the transition; raised while the notification waits.';

comment on column monitoring.notifications.details is
'The incident as it was at the transition, sanitized; or the incidents of a digest.';

comment on column monitoring.notifications.email_id is 'Row of email_tracking, for channels of kind email.';

comment on column monitoring.notifications.status is 'Status of the notification.';

comment on column monitoring.notifications.attempts is 'Number of requests that were enqueued.';

comment on column monitoring.notifications.may_have_arrived is
'Whether an attempt got no answer: the channel may have the message, so it is not collapsed.';

comment on column monitoring.notifications.first_attempt_at is
'Time of the first attempt, 24 hours after which the notification is given up. It can be long after created_at.';

comment on column monitoring.notifications.next_attempt_at is 'Earliest time of the next attempt.';

comment on column monitoring.notifications.lease_expires_at is
'Time at which an attempt without an answer counts as lost. Null unless the status is sending.';

comment on column monitoring.notifications.request_id is 'Request id of the latest attempt in pg_net.';

comment on column monitoring.notifications.sent_at is 'Time at which the latest attempt was enqueued.';

comment on column monitoring.notifications.earlier_sent_at is
'Times of the earlier attempts of the minute before sent_at.';

comment on column monitoring.notifications.answered_at is
'Time at which the answer to the latest attempt was recorded.';

comment on column monitoring.notifications.answer_status is 'HTTP status code of the answer.';

comment on column monitoring.notifications.answer_headers is 'The headers retry-after and location of the answer.';

comment on column monitoring.notifications.answer is 'Beginning of the answer, sanitized, at most 1 kB.';

comment on column monitoring.notifications.provider_id is 'Id that the e-mail provider answered.';

comment on column monitoring.notifications.error is 'Reason of the latest failure, sanitized.';

comment on column monitoring.notifications.digest_id is
'Digest that tells this notification. The notification ends with it.';

comment on column monitoring.notifications.remind_at is
'Time at which a reminder follows unless the incident is acknowledged or resolved.';

comment on column monitoring.notifications.escalate_at is
'Time at which the channel to escalate to is told unless the incident is acknowledged or resolved.';

comment on column monitoring.notifications.created_at is 'Time of the transition.';

comment on column monitoring.notifications.finished_at is
'Time at which the notification was delivered, collapsed or given up.';

-- Unlogged as pg_net's tables are: the crash that lets pg_net count request ids from 1 again empties it as well.
create unlogged table monitoring.awaited_answers (
  request_id bigint primary key,
  notification_id bigint not null
);

alter table monitoring.awaited_answers enable row level security;

create policy awaited_answers_is_read_by_nobody on monitoring.awaited_answers
for select to authenticated
using (false);

revoke all on table monitoring.awaited_answers from public, anon, authenticated, service_role;

comment on table monitoring.awaited_answers is
'The notification that each request of pg_net sends, until the attempt is settled. A crash of PostgreSQL empties the
table: an answer to a later request with the same id cannot count for a notification that was sent before the crash.';

comment on column monitoring.awaited_answers.request_id is 'Id of the request in pg_net.';

comment on column monitoring.awaited_answers.notification_id is 'Notification that it sends.';
