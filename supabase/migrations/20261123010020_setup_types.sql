-- Purpose: defines the enums that tables, functions and the API share.
-- Objects: types public.incident_severity, public.incident_category, public.incident_status, public.target_type,
--   public.check_status, public.deployment_status, public.email_status.
-- Risks: the order of incident_severity is its rank: greatest() returns the more severe value. A value can be added
--   to an enum, but not removed.

create type public.incident_severity as enum ('LOW', 'MEDIUM', 'HIGH', 'CRITICAL');

comment on type public.incident_severity is 'Severity, in ascending order: LOW, MEDIUM, HIGH, CRITICAL.';

create type public.incident_category as enum ('backend', 'frontend', 'database', 'security', 'infrastructure');

comment on type public.incident_category is 'Part of the product that an error belongs to.';

create type public.incident_status as enum ('open', 'acknowledged', 'suppressed', 'resolved');

comment on type public.incident_status is
'Status of an incident. Every status except resolved is live: repeats fold into the incident.';

create type public.target_type as enum ('backend', 'frontend', 'database', 'other', 'heartbeat');

comment on type public.target_type is
'Type of a health-check target. It decides the category and the severity of incidents about the target. A heartbeat is
not probed: a job that runs elsewhere reports to it.';

create type public.check_status as enum ('pending', 'up', 'degraded', 'down', 'unknown', 'disputed');

comment on type public.check_status is
'Result of a health check. pending: not judged yet. unknown: no response arrived, or our own connection failed, which
does not prove that the target is down. disputed: the database cannot reach the target, but the service can.';

create type public.deployment_status as enum (
  'pending', 'in_progress', 'succeeded', 'failed', 'rolled_back', 'cancelled'
);

comment on type public.deployment_status is 'Status of a deployment.';

create type public.email_status as enum (
  'queued', 'sent', 'delivered', 'opened', 'clicked', 'complained', 'bounced', 'failed'
);

comment on type public.email_status is
'Delivery status of an e-mail, as its provider reports it, in ascending order. complained, bounced and failed are
final.';
