-- Purpose: stores every delivery of Sentry and of other monitors, so that it can be inspected and replayed.
-- Objects: table monitoring.deliveries; function monitoring.is_caused_by_body.
-- Risks: bodies contain personal data: they are trimmed and sanitized before they are stored, and purged after
--   retention.deliveries_days. The two unique indexes are why a delivery that is sent again is not counted
--   again, however late.

create table monitoring.deliveries (
  id bigint generated always as identity primary key,
  kind text not null default 'sentry',
  name text,
  resource text not null,
  action text,
  body_hash text not null,
  occurrence_key text,
  fingerprint text,
  verb text,
  sent_at timestamptz not null,
  occurred_at timestamptz,
  received_at timestamptz not null default clock_timestamp(),
  applied_at timestamptz not null default clock_timestamp(),
  attempts integer not null default 1,
  next_attempt_at timestamptz,
  effect text not null,
  incident_id text references public.incidents (id) on delete set null,
  error text,
  body jsonb not null default '{}',
  constraint kind_is_known check (
    kind in ('sentry', 'alertmanager', 'grafana', 'uptime-kuma', 'github', 'generic')
  ),
  constraint only_generic_deliveries_have_a_name check ((name is not null) = (kind = 'generic')),
  constraint name_is_that_of_a_key check (
    length(name) >= 1 and length(name) <= 40 and translate(name, 'abcdefghijklmnopqrstuvwxyz0123456789-', '') = ''
  ),
  constraint resource_is_short check (octet_length(resource) <= 100),
  constraint effect_is_known check (
    effect in (
      'opened', 'counted', 'reopened', 'escalated', 'lowered', 'resolved', 'suppressed', 'assigned', 'commented',
      'deployed', 'late', 'recorded', 'repeated', 'deferred', 'failed'
    )
  ),
  constraint only_failures_have_an_error check (error is null or effect in ('failed', 'recorded')),
  constraint attempts_are_positive check (attempts > 0),
  constraint only_waiting_deliveries_are_retried check (next_attempt_at is null or effect in ('deferred', 'failed'))
);

create index deliveries_received_idx on monitoring.deliveries (received_at desc);

-- The latest delivery of a kind.
create index deliveries_kind_idx on monitoring.deliveries (kind, received_at desc);

create unique index deliveries_body_idx on monitoring.deliveries (body_hash)
where effect not in ('failed', 'repeated');

create unique index deliveries_occurrence_idx on monitoring.deliveries (occurrence_key)
where effect not in ('failed', 'repeated');

create index deliveries_fingerprint_idx on monitoring.deliveries (fingerprint, sent_at desc)
where verb = 'resolve';

-- The latest delivery that had an effect on an incident.
create index deliveries_incident_idx on monitoring.deliveries (incident_id, effect, sent_at desc)
where incident_id is not null;

-- What resolved an incident last, however often it came back.
create index deliveries_resolved_idx on monitoring.deliveries (incident_id, applied_at)
where effect = 'resolved';

create index deliveries_deferred_idx on monitoring.deliveries (fingerprint)
where effect = 'deferred';

-- What is retried, oldest first, and how many wait.
create index deliveries_waiting_idx on monitoring.deliveries (effect, kind, next_attempt_at, id)
where effect in ('deferred', 'failed');

alter table monitoring.deliveries enable row level security;

create policy deliveries_is_read_by_nobody on monitoring.deliveries
for select to authenticated
using (false);

revoke all on table monitoring.deliveries from public, anon, authenticated, service_role;

revoke all on sequence monitoring.deliveries_id_seq from public, anon, authenticated, service_role;

comment on table monitoring.deliveries is
'Deliveries of Sentry and of other monitors, and their effects: one row per alert in a delivery, which is the delivery
itself for Sentry. public.replay_delivery(id) applies one that was deferred or failed.';

comment on column monitoring.deliveries.id is 'Id of the delivery.';

comment on column monitoring.deliveries.kind is
'Which program sent the delivery: the last part of the path of its webhook.';

comment on column monitoring.deliveries.name is
'Name of the key in GENERIC_KEYS with which it came. Null for other kinds.';

comment on column monitoring.deliveries.resource is
'Sentry-Hook-Resource, such as event_alert; legacy_plugin for the unsigned WebHooks plugin; X-GitHub-Event; the kind for
other monitors.';

comment on column monitoring.deliveries.action is 'Action or status in the body, such as triggered or firing.';

comment on column monitoring.deliveries.body_hash is
'The sha256 of the raw body, in hex, and of the position of the alert in it from the second on. The same hash is applied
once.';

comment on column monitoring.deliveries.occurrence_key is
'The sha256 of what identifies the occurrence, in hex: event id, fingerprint and alert rule in Sentry; fingerprint, verb
and begin of the alert in other monitors. The same key is applied once.';

comment on column monitoring.deliveries.fingerprint is 'Fingerprint of the incident that the delivery is about.';

comment on column monitoring.deliveries.verb is 'What the delivery requests, as in monitoring.delivery_intent.';

comment on column monitoring.deliveries.sent_at is
'Time that orders the deliveries about one incident: when Sentry sent it, when the alert of a monitor began or ended,
else the time of arrival.';

comment on column monitoring.deliveries.occurred_at is 'Time at which the event happened, as the sender states it.';

comment on column monitoring.deliveries.received_at is 'Time at which the delivery was stored.';

comment on column monitoring.deliveries.applied_at is 'Time at which the delivery got its effect.';

comment on column monitoring.deliveries.attempts is
'Number of attempts to apply the delivery. Those that were deferred again, or failed because of the database, are not
counted.';

comment on column monitoring.deliveries.next_attempt_at is
'Time from which a deferred or failed delivery is tried again. Null otherwise, and after 12 failed attempts.';

comment on column monitoring.deliveries.effect is
'What the delivery did. late: something newer was applied first. repeated: the same was stored already. deferred:
over rate_limits, applied later by a job. failed: its body caused an SQL error, see error. deployed: a deployment was recorded. recorded: nothing to do.';

comment on column monitoring.deliveries.incident_id is 'Incident that the delivery was about.';

comment on column monitoring.deliveries.error is 'Reason why the delivery failed or could not be read.';

comment on column monitoring.deliveries.body is
'Body without bulk data (breadcrumbs, variables, spans), sanitized, at most 64 kB. Empty when repeated.';

create function monitoring.is_caused_by_body(code text)
returns boolean
language sql
immutable
strict
parallel safe
security invoker
set search_path = ''
as $$
  -- Data exceptions, integrity constraints, too deep a nesting, and what our functions refuse. A full sequence is a
  -- data exception of the database; violations of foreign keys, unique and exclusion constraints are conflicts with
  -- other sessions.
  select is_caused_by_body.code like any(array['22%', '23%', '54%', 'PT4%'])
    and is_caused_by_body.code <> all(array['2200H', '23503', '23505', '23P01'])
$$;

comment on function monitoring.is_caused_by_body(text) is
'Returns whether a body can have caused an error with this SQLSTATE. Any other error is a fault of the database, such as
a full disk or a missing function, and says nothing about the body. Wider than is_content_error(), because a delivery
that failed is kept and tried again, while a report that is refused is lost.';
