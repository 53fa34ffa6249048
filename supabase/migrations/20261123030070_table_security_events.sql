-- Purpose: stores suspected attacks and the response to them.
-- Objects: table public.security_events.
-- Risks: rows hold IP addresses and account ids, which are personal data: retention.security_events_days
--   limits how long.

create table public.security_events (
  id bigint generated always as identity primary key,
  event_type text not null,
  severity public.incident_severity not null,
  confidence numeric(4, 3) not null,
  ip_address inet,
  user_id text,
  action_taken text,
  caller text not null default monitoring.current_caller(),
  details jsonb not null default '{}',
  incident_id text references public.incidents (id) on delete set null,
  created_at timestamptz not null default now(),
  constraint event_type_is_not_blank check (btrim(event_type) <> ''),
  constraint event_type_is_one_line check (monitoring.is_one_line(event_type)),
  constraint confidence_is_a_share check (confidence between 0 and 1),
  constraint details_is_an_object check (jsonb_typeof(details) = 'object')
);

create index security_events_created_idx on public.security_events (created_at desc);

create index security_events_type_idx on public.security_events (event_type, created_at desc);

create index security_events_ip_idx on public.security_events (ip_address, created_at desc)
where ip_address is not null;

create index security_events_incident_idx on public.security_events (incident_id)
where incident_id is not null;

alter table public.security_events enable row level security;

create policy security_events_are_read_by_agents on public.security_events
for select to authenticated
using (true);

revoke all on table public.security_events from public, anon, authenticated, service_role;

revoke all on sequence public.security_events_id_seq from public, anon, authenticated, service_role;

grant select on table public.security_events to authenticated, service_role;

comment on table public.security_events is 'Suspected attacks and the response to them.';

comment on column public.security_events.id is 'Id of the event.';

comment on column public.security_events.event_type is 'Type of the event, such as invalid_signature.';

comment on column public.security_events.severity is 'Severity of the event if it is real.';

comment on column public.security_events.confidence is
'Probability that the event is real, 0 to 1, as the detector states it.';

comment on column public.security_events.ip_address is 'IP address that the event came from.';

comment on column public.security_events.user_id is 'Account that the event concerns, as the product names it.';

comment on column public.security_events.action_taken is 'Response to the event.';

comment on column public.security_events.caller is
'Who recorded the event, from the access token: user:<sub>, service_role, or a database role.';

comment on column public.security_events.details is 'Further data of the event, sanitized.';

comment on column public.security_events.incident_id is 'Incident that the event opened or repeated.';

comment on column public.security_events.created_at is 'Time at which the event was recorded.';

-- What a person who edits the table directly is told when a row is refused.
comment on constraint event_type_is_not_blank on public.security_events is
'event_type must not be blank. Enter a type such as invalid_signature.';

comment on constraint event_type_is_one_line on public.security_events is
'event_type must be one line. Remove line breaks and invisible characters.';

comment on constraint confidence_is_a_share on public.security_events is 'confidence must be from 0 to 1.';

comment on constraint details_is_an_object on public.security_events is 'details must be a JSON object such as {}.';

comment on constraint security_events_pkey on public.security_events is
'Another event has this id. Leave id out, and it is assigned.';

comment on constraint security_events_incident_id_fkey on public.security_events is
'incident_id must be the id of an incident, such as INC-1001, or empty.';
