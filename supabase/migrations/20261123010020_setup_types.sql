-- Purpose: the closed sets of words that tables and functions share.
-- Objects: enums in public. The order of a severity's values is its rank: greatest() gives the worse one.
-- Risks: a value can be added to an enum, never taken away.

create type public.incident_severity as enum ('LOW', 'MEDIUM', 'HIGH', 'CRITICAL');

comment on type public.incident_severity is
'How bad it is, in rising order: LOW, MEDIUM, HIGH, CRITICAL.';

create type public.incident_category as enum ('backend', 'frontend', 'database', 'security', 'infrastructure');

comment on type public.incident_category is
'Which part of the product an error belongs to.';

create type public.incident_status as enum ('open', 'acknowledged', 'suppressed', 'resolved');

comment on type public.incident_status is
'Where an incident is in its life. Every status but resolved is live: repeats fold into it.';

create type public.target_type as enum ('backend', 'frontend', 'database', 'other');

comment on type public.target_type is
'What a health-check target is. It decides the category and severity of an incident about it.';

create type public.check_status as enum ('pending', 'up', 'degraded', 'down', 'unknown');

comment on type public.check_status is
'What a health check found. pending: not judged yet. unknown: nothing came back, which is not a proof of down.';

create type public.deployment_status as enum (
  'pending', 'in_progress', 'succeeded', 'failed', 'rolled_back', 'cancelled'
);

comment on type public.deployment_status is
'Where a deployment is in its life.';

create type public.email_status as enum (
  'queued', 'sent', 'delivered', 'opened', 'clicked', 'bounced', 'failed'
);

comment on type public.email_status is
'How far an e-mail got, as its provider reports it.';
