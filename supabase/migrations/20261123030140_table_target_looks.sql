-- Purpose: stores what the service sees when SQL asks it to look at a target, and the certificates of targets.
-- Objects: tables monitoring.target_looks, monitoring.target_certificates.
-- Risks: texts come from the server that was looked at: they are sanitized, and untrusted all the same.

create table monitoring.target_looks (
  id bigint generated always as identity primary key,
  target text not null,
  purpose text not null,
  endpoint text,
  check_id bigint,
  requested_at timestamptz not null default clock_timestamp(),
  due_at timestamptz not null,
  lease_expires_at timestamptz,
  recorded_at timestamptz,
  status public.check_status,
  http_status integer,
  error_kind text,
  problem text,
  response_time_ms integer,
  first_byte_ms integer,
  addresses text[],
  constraint purpose_is_known check (purpose in ('confirm', 'certificate')),
  constraint error_kind_is_known check (
    error_kind in ('dns', 'connect', 'tls', 'timeout', 'private_address', 'protocol')
  ),
  constraint confirmations_name_their_check check (purpose <> 'confirm' or check_id is not null),
  constraint recorded_looks_have_a_status check ((recorded_at is null) = (status is null))
);

-- One look confirms a check.
create unique index target_looks_check_idx on monitoring.target_looks (check_id)
where check_id is not null;

-- What is to be looked at.
create index target_looks_waiting_idx on monitoring.target_looks (due_at)
where recorded_at is null;

-- The last looks at a target.
create index target_looks_target_idx on monitoring.target_looks (target, requested_at desc);

create index target_looks_requested_idx on monitoring.target_looks (requested_at);

alter table monitoring.target_looks enable row level security;

create policy target_looks_are_read_by_agents on monitoring.target_looks
for select to authenticated
using (true);

revoke all on table monitoring.target_looks from public, anon, authenticated, service_role;

-- Only for views, which run with the privileges of their reader. API roles have no USAGE on the schema.
grant select on table monitoring.target_looks to authenticated, service_role;

revoke all on sequence monitoring.target_looks_id_seq from public, anon, authenticated, service_role;

comment on table monitoring.target_looks is
'What the service sees from its own network: looks that SQL asked for, and their results.';

comment on column monitoring.target_looks.id is 'Id of the look.';

comment on column monitoring.target_looks.target is 'Name of the target.';

comment on column monitoring.target_looks.purpose is
'Why: confirm, before a target counts as down; certificate, to read its certificate.';

comment on column monitoring.target_looks.endpoint is
'Host and port of the URL that the service was given. Null while nobody took the look.';

comment on column monitoring.target_looks.check_id is
'Check that the look confirms, in monitoring.probes until it is judged, and then in public.monitoring_checks.';

comment on column monitoring.target_looks.requested_at is 'Time of the request.';

comment on column monitoring.target_looks.due_at is
'Time from which nobody waits for the result any more.';

comment on column monitoring.target_looks.lease_expires_at is
'Time until which the process of the service that took the look works on it. Null while nobody took it.';

comment on column monitoring.target_looks.recorded_at is 'Time of the result. Null without one.';

comment on column monitoring.target_looks.status is 'What the service saw: up, degraded, down, or unknown.';

comment on column monitoring.target_looks.http_status is 'HTTP status code of the response.';

comment on column monitoring.target_looks.error_kind is
'Step that failed: dns, connect, tls, timeout, private_address or protocol. Null with a complete HTTP response.';

comment on column monitoring.target_looks.problem is 'What is wrong, in words, at most 1 kB.';

comment on column monitoring.target_looks.response_time_ms is
'Milliseconds from the beginning of the request to the end of the response.';

comment on column monitoring.target_looks.first_byte_ms is
'Milliseconds from the beginning of the request to the first byte of the response.';

comment on column monitoring.target_looks.addresses is 'Addresses to which the name of the host resolved.';

comment on constraint purpose_is_known on monitoring.target_looks is 'purpose must be confirm or certificate.';

comment on constraint error_kind_is_known on monitoring.target_looks is
'error_kind must be dns, connect, tls, timeout, private_address or protocol, or empty.';

comment on constraint confirmations_name_their_check on monitoring.target_looks is
'A look with the purpose confirm needs check_id.';

comment on constraint recorded_looks_have_a_status on monitoring.target_looks is
'recorded_at and status are set together.';

create table monitoring.target_certificates (
  target text primary key,
  endpoint text not null,
  next_look_at timestamptz not null,
  looked_at timestamptz,
  issuer text,
  subject text,
  names text[] not null default '{}',
  not_before timestamptz,
  not_after timestamptz,
  problem text,
  judge_at timestamptz,
  judged_at timestamptz,
  incident_title text,
  constraint certificates_have_an_end_or_a_problem check (
    looked_at is null or not_after is not null or problem is not null
  )
);

-- Certificates whose incidents may change now.
create index target_certificates_judge_idx on monitoring.target_certificates (judge_at)
where judge_at is not null;

alter table monitoring.target_certificates enable row level security;

create policy target_certificates_are_read_by_agents on monitoring.target_certificates
for select to authenticated
using (true);

revoke all on table monitoring.target_certificates from public, anon, authenticated, service_role;

grant select on table monitoring.target_certificates to authenticated, service_role;

comment on table monitoring.target_certificates is 'Certificate of each https target, as the service last saw it.';

comment on column monitoring.target_certificates.target is 'Name of the target.';

comment on column monitoring.target_certificates.endpoint is 'Host and port that present the certificate.';

comment on column monitoring.target_certificates.next_look_at is 'Time from which the service looks at it again.';

comment on column monitoring.target_certificates.looked_at is
'Time at which the service last saw a certificate. Null before the first time.';

comment on column monitoring.target_certificates.issuer is 'Who issued the certificate.';

comment on column monitoring.target_certificates.subject is 'For whom it was issued.';

comment on column monitoring.target_certificates.names is 'Names of hosts for which it is valid.';

comment on column monitoring.target_certificates.not_before is 'Time from which it is valid.';

comment on column monitoring.target_certificates.not_after is 'Time at which it expires.';

comment on column monitoring.target_certificates.problem is
'Why clients reject it, such as: the certificate is self-signed. Null when they accept it.';

comment on column monitoring.target_certificates.judge_at is
'Time at which the incident of the certificate may change without a look: the next day, threshold or end. Null when no
time changes it.';

comment on column monitoring.target_certificates.judged_at is 'Time at which the certificate was judged last.';

comment on column monitoring.target_certificates.incident_title is
'Title that the incident of the certificate got last. Null when the certificate needs none.';

comment on constraint certificates_have_an_end_or_a_problem on monitoring.target_certificates is
'A certificate that was seen needs not_after or problem.';
