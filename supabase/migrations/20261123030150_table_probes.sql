-- Purpose: stores the health checks in flight: from the beginning of a round until each target is judged.
-- Objects: table monitoring.probes; view monitoring.all_checks.
-- Risks: each row is updated when it is sent and answered, and deleted when it is judged. No index contains a column
--   that changes meanwhile, so that the updates are HOT; the table is as small as a round, and read as a whole.

create table monitoring.probes (
  id bigint primary key default nextval('public.monitoring_checks_id_seq'),
  target text not null,
  target_type public.target_type not null,
  url text,
  scheduled_at timestamptz not null,
  interval_minutes integer not null default 1,
  is_maintenance boolean not null default false,
  send_at timestamptz,
  sent_at timestamptz,
  request_id bigint,
  attempt smallint not null default 1,
  error_count integer not null default 0,
  error text,
  answer_due_at timestamptz,
  retry_until timestamptz,
  answered_at timestamptz,
  answer_headers jsonb,
  answer_excerpt text,
  http_status integer,
  response_time_ms integer,
  response_time_error_ms integer,
  unmet_condition text,
  constraint one_probe_a_target_and_round unique (target, scheduled_at)
)
with (fillfactor = 25, autovacuum_vacuum_scale_factor = 0.1, autovacuum_vacuum_threshold = 1000);

alter table monitoring.probes enable row level security;

create policy probes_are_read_by_agents on monitoring.probes
for select to authenticated
using (true);

revoke all on table monitoring.probes from public, anon, authenticated, service_role;

-- Only for the view public.target_history, which runs with the privileges of its reader. API roles have no USAGE on the
-- schema.
grant select on table monitoring.probes to authenticated, service_role;

comment on table monitoring.probes is
'Health checks that are not judged yet: one row per target and round. The judgement moves each into
public.monitoring_checks.';

comment on column monitoring.probes.id is 'Id that the check will have in public.monitoring_checks.';

comment on column monitoring.probes.target is 'Name of the target in system_config.health_check_targets.';

comment on column monitoring.probes.target_type is 'Type of the target.';

comment on column monitoring.probes.url is 'URL that is probed, sanitized. Null for a heartbeat.';

comment on column monitoring.probes.scheduled_at is 'Minute of the round.';

comment on column monitoring.probes.interval_minutes is
'Minutes for which the check stands: until the next round of the target is due.';

comment on column monitoring.probes.is_maintenance is 'Whether the round is in a maintenance window.';

comment on column monitoring.probes.send_at is
'Time at which the next attempt is to be sent. Null while an answer is awaited.';

comment on column monitoring.probes.sent_at is 'Time at which the latest attempt was sent. Null before the first.';

comment on column monitoring.probes.request_id is
'Request id of the latest attempt in pg_net. After a crash of PostgreSQL, pg_net counts from 1 again.';

comment on column monitoring.probes.attempt is 'Number of the current attempt in the round, from 1.';

comment on column monitoring.probes.error_count is 'Number of failed attempts in the round.';

comment on column monitoring.probes.error is 'Reason of the latest failure, at most 1 kB.';

comment on column monitoring.probes.answer_due_at is
'Time at which the latest attempt counts as unanswered: 10 s after its timeout, later when pg_net sends other batches
first.';

comment on column monitoring.probes.retry_until is
'Latest time at which another attempt of the round may be sent.';

comment on column monitoring.probes.answered_at is
'Time at which the response to the latest attempt, or its failure, was recorded. Null until then.';

comment on column monitoring.probes.answer_headers is
'Some headers of the response: content-type, retry-after and server.';

comment on column monitoring.probes.answer_excerpt is
'Beginning of the response body, sanitized, at most 1 kB. Untrusted text.';

comment on column monitoring.probes.http_status is
'HTTP status code of the response, 100 to 999. Null without an HTTP response.';

comment on column monitoring.probes.response_time_ms is
'Milliseconds from request to response. Null without a response, or without the trigger on net._http_response.';

comment on column monitoring.probes.response_time_error_ms is
'Milliseconds by which response_time_ms may be wrong, because pg_net recorded other responses meanwhile.';

comment on column monitoring.probes.unmet_condition is
'Condition of the target that the response does not meet. Null when it meets all of them.';

comment on constraint one_probe_a_target_and_round on monitoring.probes is
'Each target has one row per scheduled_at.';

create view monitoring.all_checks
with (security_invoker = true)
as
select
  probes.id,
  probes.target,
  probes.target_type,
  probes.url,
  'pending'::public.check_status as status,
  probes.scheduled_at,
  probes.interval_minutes,
  probes.is_maintenance,
  probes.request_id,
  probes.attempt,
  probes.error_count,
  probes.error,
  probes.sent_at,
  probes.answered_at,
  null::timestamptz as completed_at,
  probes.http_status,
  probes.response_time_ms
from monitoring.probes
union all
select
  monitoring_checks.id,
  monitoring_checks.target,
  monitoring_checks.target_type,
  monitoring_checks.url,
  monitoring_checks.status,
  monitoring_checks.scheduled_at,
  monitoring_checks.interval_minutes,
  monitoring_checks.is_maintenance,
  null::bigint as request_id,
  monitoring_checks.attempt,
  monitoring_checks.error_count,
  monitoring_checks.error,
  monitoring_checks.sent_at,
  monitoring_checks.answered_at,
  monitoring_checks.completed_at,
  monitoring_checks.http_status,
  monitoring_checks.response_time_ms
from public.monitoring_checks;

revoke all on table monitoring.all_checks from public, anon, authenticated, service_role;

-- Only for the view public.target_history, which runs with the privileges of its reader.
grant select on table monitoring.all_checks to authenticated, service_role;

comment on view monitoring.all_checks is
'The checks in flight, with the status pending, and those that are judged. A check that is moved from one to the other
is seen once, because both are read by one statement.';
