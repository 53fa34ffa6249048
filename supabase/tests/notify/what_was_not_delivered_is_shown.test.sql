begin;

select plan(5);

-- Other tests share the database: theirs are newer or older than what is compared here.
update public.email_tracking
set bounced_at = now() - interval '30 days'
where email_tracking.bounced_at > now() - interval '7 days';

insert into public.email_tracking (recipient, subject, status, sent_at, bounced_at, error)
values
('ann@example.com', 's', 'bounced', now(), now() - interval '2 days', 'old reason'),
('Ann@example.com', 's', 'complained', now(), now() - interval '1 day', 'spam'),
('ben@example.com', 's', 'bounced', now(), now() - interval '1 hour', 'no mailbox'),
('old@example.com', 's', 'bounced', now(), now() - interval '8 days', 'no mailbox');

select results_eq(
  $$ select found.item ->> 'recipient', found.item ->> 'status', found.item ->> 'reason', found.item ->> 'emails'
     from jsonb_array_elements(public.status_summary() -> 'undelivered_emails') as found (item) $$,
  $$ values
     ('ben@example.com', 'bounced', 'no mailbox', '1'), ('Ann@example.com', 'complained', 'spam', '2') $$,
  'each recipient of the last 7 days is named once, with the latest reason'
);

insert into public.email_tracking (recipient, subject, status, sent_at, bounced_at, error)
select
  format('r%s@example.com', numbers.number) as recipient,
  's' as subject,
  'bounced' as status,
  now() as sent_at,
  now() as bounced_at,
  'r' as error
from generate_series(1, 25) as numbers (number);

select is(
  jsonb_array_length(public.status_summary() -> 'undelivered_emails'), 20, 'at most 20 recipients are named'
);

set local role authenticated;

select is(
  public.status_page() -> 'undelivered_emails', '[]', 'agents do not see addresses'
);

reset role;

delete from monitoring.notifications;

insert into monitoring.notifications (channel, event, status, created_at, finished_at, lease_expires_at)
values
('tap', 'test', 'queued', now() - interval '1 hour', null, null),
('tap', 'test', 'sending', now(), null, now()),
('tap', 'test', 'delivered', now() - interval '2 hours', now(), null),
('tap', 'test', 'dead', now() - interval '2 hours', now() - interval '1 hour', null),
('tap', 'test', 'dead', now() - interval '2 days', now() - interval '25 hours', null);

select is(
  monitoring.describe_notifications() - 'oldest_age_seconds', '{"queued": 2, "dead": 1}',
  'what is not sent yet and what was given up lately is counted'
);

select ok(
  (public.service_health() #>> '{notifications,oldest_age_seconds}')::integer between 3600 and 7200,
  'the age of the oldest one that is not sent is known'
);

select * from finish();

rollback;
