-- Purpose: stores every delivery from Sentry, so that it can be inspected and replayed.
-- Objects: table monitoring.deliveries; functions monitoring.is_caused_by_body, monitoring.trim_sentry_event,
--   monitoring.trim_sentry_body.
-- Risks: bodies contain personal data: they are trimmed and sanitized before they are stored, and purged after
--   retention.deliveries_days. The two unique indexes are why a delivery that is sent again is not counted
--   again, however late.

create table monitoring.deliveries (
  id bigint generated always as identity primary key,
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
  constraint resource_is_short check (octet_length(resource) <= 100),
  constraint effect_is_known check (
    effect in (
      'opened', 'counted', 'reopened', 'escalated', 'lowered', 'resolved', 'suppressed', 'assigned', 'commented',
      'late', 'recorded', 'repeated', 'deferred', 'failed'
    )
  ),
  constraint only_failures_have_an_error check (error is null or effect in ('failed', 'recorded')),
  constraint attempts_are_positive check (attempts > 0),
  constraint only_waiting_deliveries_are_retried check (next_attempt_at is null or effect in ('deferred', 'failed'))
);

create index deliveries_received_idx on monitoring.deliveries (received_at desc);

create unique index deliveries_body_idx on monitoring.deliveries (body_hash)
where effect not in ('failed', 'repeated');

create unique index deliveries_occurrence_idx on monitoring.deliveries (occurrence_key)
where effect not in ('failed', 'repeated');

create index deliveries_fingerprint_idx on monitoring.deliveries (fingerprint, sent_at desc)
where verb = 'resolve';

-- The latest delivery that had an effect on an incident.
create index deliveries_incident_idx on monitoring.deliveries (incident_id, effect, sent_at desc)
where incident_id is not null;

create index deliveries_deferred_idx on monitoring.deliveries (fingerprint)
where effect = 'deferred';

-- What is retried, oldest first, and how many wait.
create index deliveries_waiting_idx on monitoring.deliveries (effect, next_attempt_at, id)
where effect in ('deferred', 'failed');

alter table monitoring.deliveries enable row level security;

create policy deliveries_is_read_by_nobody on monitoring.deliveries
for select to authenticated
using (false);

revoke all on table monitoring.deliveries from public, anon, authenticated, service_role;

revoke all on sequence monitoring.deliveries_id_seq from public, anon, authenticated, service_role;

comment on table monitoring.deliveries is
'Deliveries from Sentry and their effects: one row per delivery. public.replay_delivery(id) applies one that was
deferred or failed.';

comment on column monitoring.deliveries.id is 'Id of the delivery.';

comment on column monitoring.deliveries.resource is
'Sentry-Hook-Resource, such as event_alert; legacy_plugin for the unsigned WebHooks plugin.';

comment on column monitoring.deliveries.action is 'Action in the body, such as triggered.';

comment on column monitoring.deliveries.body_hash is
'The sha256 of the raw body, in hex. The same hash is applied once.';

comment on column monitoring.deliveries.occurrence_key is
'The sha256 of event id, fingerprint and alert rule, in hex. The same key is applied once.';

comment on column monitoring.deliveries.fingerprint is 'Fingerprint of the incident that the delivery is about.';

comment on column monitoring.deliveries.verb is 'What the delivery requests, as in monitoring.delivery_intent.';

comment on column monitoring.deliveries.sent_at is
'Time at which Sentry sent the delivery, by its own header, else the time of arrival.';

comment on column monitoring.deliveries.occurred_at is 'Time at which the event happened, as Sentry states it.';

comment on column monitoring.deliveries.received_at is 'Time at which the delivery was stored.';

comment on column monitoring.deliveries.applied_at is 'Time at which the delivery got its effect.';

comment on column monitoring.deliveries.attempts is
'Number of attempts to apply the delivery. Those that were deferred again, or failed because of the database, are not
counted.';

comment on column monitoring.deliveries.next_attempt_at is
'Time from which a deferred or failed delivery is tried again. Null otherwise, and after 12 failed attempts.';

comment on column monitoring.deliveries.effect is
'What the delivery did. late: something newer was applied first. repeated: the same was stored already. deferred:
over rate_limits, applied later by a job. failed: its body caused an SQL error, see error. recorded: nothing to do.';

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

create function monitoring.trim_sentry_event(event jsonb)
returns jsonb
language sql
immutable
parallel safe
security invoker
set search_path = ''
as $$
  select case
    when jsonb_typeof(trim_sentry_event.event) = 'object'
      then (
        trim_sentry_event.event - array[
          'breadcrumbs', 'modules', 'packages', 'debug_meta', 'spans', 'measurements', 'sdk', 'threads', 'hashes',
          'entries', 'errors', '_meta', '_metrics', 'grouping_config', 'exception'
        ]
      ) || jsonb_build_object(
        'exception', jsonb_build_object(
          'values', (
            select coalesce(
              jsonb_agg(
                jsonb_build_object(
                  'type', item -> 'type',
                  'value', item -> 'value',
                  'stacktrace', jsonb_build_object(
                    'frames', (
                      select jsonb_agg(
                        jsonb_build_object(
                          'function', frame -> 'function',
                          'filename', frame -> 'filename',
                          'abs_path', frame -> 'abs_path',
                          'module', frame -> 'module',
                          'lineno', frame -> 'lineno',
                          'colno', frame -> 'colno',
                          'in_app', frame -> 'in_app'
                        )
                        order by frames.position
                      )
                      from (
                        select listed.frame, listed.position
                        from jsonb_array_elements(
                          jsonb_path_query_array(
                            item, '$.stacktrace.frames[*] ? (@.type() == "object")', '{}', true
                          )
                        ) with ordinality as listed (frame, position)
                        order by (listed.frame -> 'in_app' = 'true') is true desc, listed.position desc
                        limit 100
                      ) as frames
                    )
                  )
                )
                order by items.position
              ),
              '[]'
            )
            from jsonb_array_elements(
              monitoring.list_sentry_exceptions(trim_sentry_event.event)
            ) with ordinality as items (item, position)
          )
        )
      )
    else trim_sentry_event.event
  end
$$;

comment on function monitoring.trim_sentry_event(jsonb) is
'Removes bulk data from an event: breadcrumbs, modules, spans and local variables. Up to 100 frames per exception
stay, in-app frames first.';

create function monitoring.trim_sentry_body(body jsonb)
returns jsonb
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $$
declare
  v_body jsonb := trim_sentry_body.body;
  v_path text[];
begin
  foreach v_path slice 1 in array array[array['data', 'event'], array['data', 'error']] loop
    if jsonb_typeof(v_body #> v_path) = 'object' then
      v_body := jsonb_set(v_body, v_path, monitoring.trim_sentry_event(v_body #> v_path));
    end if;
  end loop;
  if jsonb_typeof(v_body -> 'event') = 'object' then
    v_body := jsonb_set(v_body, '{event}', monitoring.trim_sentry_event(v_body -> 'event'));
  end if;
  return v_body;
end
$$;

comment on function monitoring.trim_sentry_body(jsonb) is
'Removes bulk data from the events in a body, see trim_sentry_event().';
