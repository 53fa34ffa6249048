-- Purpose: stores e-mails about incidents and their delivery status.
-- Objects: table public.email_tracking.
-- Risks: rows hold e-mail addresses: row-level security hides them from agents.

create table public.email_tracking (
  id bigint generated always as identity primary key,
  incident_id text references public.incidents (id) on delete set null,
  recipient text not null,
  subject text not null,
  provider_id text unique,
  status public.email_status not null default 'queued',
  sent_at timestamptz,
  delivered_at timestamptz,
  opened_at timestamptz,
  clicked_at timestamptz,
  bounced_at timestamptz,
  open_count integer not null default 0,
  click_count integer not null default 0,
  error text,
  created_at timestamptz not null default now(),
  constraint recipient_is_an_address check (recipient ~ '^[^@\s]+@[^@\s]+$'),
  constraint subject_is_not_blank check (btrim(subject) <> ''),
  constraint subject_is_one_line check (monitoring.is_one_line(subject)),
  constraint open_count_is_not_negative check (open_count >= 0),
  constraint click_count_is_not_negative check (click_count >= 0),
  constraint delivered_at_is_not_before_sent_at check (delivered_at >= sent_at),
  constraint sent_emails_say_when check (status in ('queued', 'failed') or sent_at is not null),
  constraint bounced_emails_say_when check (status not in ('bounced', 'complained') or bounced_at is not null),
  constraint failed_emails_say_why check (status <> 'failed' or error is not null)
);

create index email_tracking_incident_idx on public.email_tracking (incident_id)
where incident_id is not null;

create index email_tracking_queued_idx on public.email_tracking (created_at)
where status = 'queued';

create index email_tracking_bounced_idx on public.email_tracking (bounced_at)
where bounced_at is not null;

create index email_tracking_created_idx on public.email_tracking (created_at desc);

alter table public.email_tracking enable row level security;

create policy email_tracking_is_read_by_nobody on public.email_tracking
for select to authenticated
using (false);

revoke all on table public.email_tracking from public, anon, authenticated, service_role;

revoke all on sequence public.email_tracking_id_seq from public, anon, authenticated, service_role;

grant select on table public.email_tracking to authenticated, service_role;

comment on table public.email_tracking is 'E-mails about incidents and their delivery status.';

comment on column public.email_tracking.id is 'Id of the e-mail.';

comment on column public.email_tracking.incident_id is 'Incident that the e-mail is about.';

comment on column public.email_tracking.recipient is 'Address of the recipient.';

comment on column public.email_tracking.subject is 'Subject line.';

comment on column public.email_tracking.provider_id is 'Id that the e-mail provider assigned.';

comment on column public.email_tracking.status is 'Delivery status.';

comment on column public.email_tracking.sent_at is 'Time at which the provider accepted the e-mail.';

comment on column public.email_tracking.delivered_at is 'Time at which the e-mail was delivered to the mailbox.';

comment on column public.email_tracking.opened_at is 'Time at which the e-mail was first opened.';

comment on column public.email_tracking.clicked_at is 'Time at which a link in the e-mail was first clicked.';

comment on column public.email_tracking.bounced_at is
'Time at which the e-mail bounced, or the recipient complained about it.';

comment on column public.email_tracking.open_count is 'Number of times the e-mail was opened.';

comment on column public.email_tracking.click_count is 'Number of clicks on links in the e-mail.';

comment on column public.email_tracking.error is 'Reason why the e-mail was not delivered.';

comment on column public.email_tracking.created_at is 'Time at which the e-mail was queued.';

-- What a person who edits the table directly is told when a row is refused.
comment on constraint recipient_is_an_address on public.email_tracking is
'recipient must be an e-mail address such as ann@example.com.';

comment on constraint subject_is_not_blank on public.email_tracking is 'subject must not be blank.';

comment on constraint subject_is_one_line on public.email_tracking is
'subject must be one line. Remove line breaks and invisible characters.';

comment on constraint open_count_is_not_negative on public.email_tracking is 'open_count must be 0 or more.';

comment on constraint click_count_is_not_negative on public.email_tracking is 'click_count must be 0 or more.';

comment on constraint delivered_at_is_not_before_sent_at on public.email_tracking is
'delivered_at must not be earlier than sent_at.';

comment on constraint sent_emails_say_when on public.email_tracking is
'An e-mail whose status is other than queued and failed needs sent_at. Set both together.';

comment on constraint bounced_emails_say_when on public.email_tracking is
'An e-mail whose status is bounced or complained needs bounced_at. Set both together.';

comment on constraint failed_emails_say_why on public.email_tracking is
'A failed e-mail needs a reason in error. Set both together.';

comment on constraint email_tracking_provider_id_key on public.email_tracking is
'Another e-mail has this provider_id. The provider assigns each id once.';

comment on constraint email_tracking_pkey on public.email_tracking is
'Another e-mail has this id. Leave id out, and it is assigned.';

comment on constraint email_tracking_incident_id_fkey on public.email_tracking is
'incident_id must be the id of an incident, such as INC-1001, or empty.';
