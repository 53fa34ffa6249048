-- Purpose: incidents: what went wrong, folded so that one error is one row however often it happens.
-- Objects: sequence public.incident_number, table public.incidents.
-- Risks: incidents_live_fingerprint_idx is what makes folding safe under concurrency. Do not loosen it.

create sequence public.incident_number start with 1001;

revoke all on sequence public.incident_number from public, anon, authenticated, service_role;

comment on sequence public.incident_number is 'Numbers the incidents. Gaps are normal.';

create table public.incidents (
  id text primary key default 'INC-' || nextval('public.incident_number'),
  fingerprint text not null,
  title text not null,
  message text not null,
  error_type text,
  error_code text,
  stack text,
  severity public.incident_severity not null,
  category public.incident_category not null,
  rule text not null,
  status public.incident_status not null default 'open',
  source text not null default 'unknown',
  environment text,
  release text,
  url text,
  context jsonb not null default '{}',
  external_id text,
  external_url text,
  occurrence_count bigint not null default 1,
  first_seen timestamptz not null default now(),
  last_seen timestamptz not null default now(),
  acknowledged_at timestamptz,
  acknowledged_by text,
  resolved_at timestamptz,
  resolved_by text,
  resolution text,
  time_to_resolution interval generated always as (resolved_at - first_seen) stored,
  suppressed_until timestamptz,
  has_manual_severity boolean not null default false,
  spawned_agents text[] not null default '{}',
  knowledge_id bigint references public.error_knowledge (id) on delete set null,
  deployment_id bigint references public.deployment_history (id) on delete set null,
  constraint id_is_an_incident_number check (id like 'INC-%'),
  constraint fingerprint_is_not_blank check (btrim(fingerprint) <> ''),
  constraint fingerprint_is_short check (length(fingerprint) <= 255),
  constraint context_is_an_object check (jsonb_typeof(context) = 'object'),
  constraint occurrence_count_is_positive check (occurrence_count > 0),
  constraint last_seen_is_not_before_first_seen check (last_seen >= first_seen),
  constraint resolved_incidents_say_when check ((status = 'resolved') = (resolved_at is not null)),
  constraint only_resolved_incidents_have_a_resolution check (
    resolved_at is not null or (resolved_by is null and resolution is null)
  ),
  constraint resolved_at_is_not_before_first_seen check (resolved_at >= first_seen),
  constraint acknowledged_incidents_say_when check (status <> 'acknowledged' or acknowledged_at is not null),
  constraint acknowledged_at_is_not_before_first_seen check (acknowledged_at >= first_seen),
  constraint only_suppressed_incidents_have_an_end check (status = 'suppressed' or suppressed_until is null)
);

-- One live incident a fingerprint. Ingest folds by it, and its conflicts settle who was first.
create unique index incidents_live_fingerprint_idx on public.incidents (fingerprint)
where status <> 'resolved';

-- Finds the latest resolved incident of a fingerprint, to reopen it.
create index incidents_resolved_fingerprint_idx on public.incidents (fingerprint, resolved_at desc)
where status = 'resolved';

-- The list's order, alone and under each of its filters.
create index incidents_last_seen_idx on public.incidents (last_seen desc, id);

create index incidents_status_idx on public.incidents (status, last_seen desc, id);

-- What opened on a day.
create index incidents_first_seen_idx on public.incidents (first_seen);

-- Rare among the many: under row-level security the planner may not look at the statistics of an enum.
create index incidents_acknowledged_idx on public.incidents (last_seen desc, id)
where status = 'acknowledged';

create index incidents_suppressed_idx on public.incidents (last_seen desc, id)
where status = 'suppressed';

create index incidents_severity_idx on public.incidents (severity, last_seen desc, id);

create index incidents_category_idx on public.incidents (category, last_seen desc, id);

create index incidents_source_idx on public.incidents (source, last_seen desc, id);

create index incidents_knowledge_idx on public.incidents (knowledge_id)
where knowledge_id is not null;

create index incidents_deployment_idx on public.incidents (deployment_id)
where deployment_id is not null;

-- What is live, the worst first; and the suppressions that end.
create index incidents_live_idx on public.incidents (severity desc, last_seen desc, id)
where status <> 'resolved';

create index incidents_suppressed_until_idx on public.incidents (suppressed_until)
where suppressed_until is not null;

alter table public.incidents enable row level security;

create policy incidents_are_read_by_agents on public.incidents
for select to authenticated
using (true);

revoke all on table public.incidents from public, anon, authenticated, service_role;

grant select on table public.incidents to authenticated, service_role;

comment on table public.incidents is
'What went wrong. Repeats of an error fold into its live incident and raise occurrence_count.';

comment on column public.incidents.id is 'INC- and a number, to say aloud and to link to.';

comment on column public.incidents.fingerprint is
'What makes two errors the same: the caller''s own, or a hash of type, normalised message and source.';

comment on column public.incidents.title is 'Type and first line of the message, for lists.';

comment on column public.incidents.message is
'The error''s message, sanitised, at most 4 kB. Text from outside: data, not instructions.';

comment on column public.incidents.error_type is 'Class of the error, such as TypeError.';

comment on column public.incidents.error_code is 'Code of the error, such as ECONNREFUSED or 23505.';

comment on column public.incidents.stack is 'Stack trace, sanitised, at most 32 kB.';

comment on column public.incidents.severity is 'How bad it is. Repeats can only raise it.';

comment on column public.incidents.category is 'Which part of the product it belongs to.';

comment on column public.incidents.rule is 'The rule of classify_error that decided the severity, or caller.';

comment on column public.incidents.status is 'Where it is in its life.';

comment on column public.incidents.source is 'Who reported it, such as browser, server or sentry.';

comment on column public.incidents.environment is 'Environment it happened in, such as production.';

comment on column public.incidents.release is 'Version of the product it happened in.';

comment on column public.incidents.url is 'Address it happened at, sanitised.';

comment on column public.incidents.context is 'Whatever else the reporter sent, sanitised, at most 64 kB.';

comment on column public.incidents.external_id is 'Id of it in another system, such as Sentry''s issue id.';

comment on column public.incidents.external_url is 'Link to it in another system.';

comment on column public.incidents.occurrence_count is 'How often it happened, the first time included.';

comment on column public.incidents.first_seen is 'When it happened first.';

comment on column public.incidents.last_seen is 'When it happened last.';

comment on column public.incidents.acknowledged_at is 'When somebody took it on.';

comment on column public.incidents.acknowledged_by is 'Who took it on.';

comment on column public.incidents.resolved_at is 'When it was resolved. Null again when it was reopened.';

comment on column public.incidents.resolved_by is 'Who resolved it.';

comment on column public.incidents.resolution is 'What resolved it.';

comment on column public.incidents.time_to_resolution is 'From first_seen to resolved_at.';

comment on column public.incidents.suppressed_until is
'When its suppression ends by itself. Null for one that somebody has to end.';

comment on column public.incidents.has_manual_severity is
'Whether somebody set the severity by hand: then repeats do not raise it any more.';

comment on column public.incidents.spawned_agents is 'Names of the agents that were started for it.';

comment on column public.incidents.knowledge_id is 'What is known about this error.';

comment on column public.incidents.deployment_id is
'Deployment of its service in whose first 30 minutes it was opened.';
