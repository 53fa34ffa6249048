begin;

select plan(6);

insert into public.incidents (id, fingerprint, title, message, severity, category, rule, status, resolved_at)
values
('INC-1', 'tap open', 't', 'm', 'LOW', 'backend', 'r', 'open', null),
('INC-2', 'tap over', 't', 'm', 'LOW', 'backend', 'r', 'resolved', now());

insert into monitoring.notifications (channel, incident_id, event, status, details, finished_at)
values
('tap old', 'INC-2', 'opened', 'delivered', '{}', now() - interval '91 days'),
('tap old test', null, 'test', 'dead', '{}', now() - interval '91 days'),
('tap young', 'INC-2', 'opened', 'delivered', '{}', now() - interval '89 days'),
('tap live', 'INC-1', 'opened', 'delivered', '{}', now() - interval '91 days'),
('tap waiting', 'INC-2', 'opened', 'queued', '{}', null);

insert into public.email_tracking (recipient, subject, status, error, created_at)
values
('tap@example.com', 'old', 'failed', 'e', now() - interval '366 days'),
('tap@example.com', 'waiting', 'queued', null, now() - interval '366 days'),
('tap@example.com', 'young', 'failed', 'e', now() - interval '364 days');

-- An incident was erased, or a test replaced by another one, while the answer was awaited.
insert into monitoring.awaited_answers (request_id, notification_id)
values (-1, -1);

update monitoring.notifications
set created_at = now() - interval '92 days'
where notifications.channel like 'tap %';

select is(monitoring.purge_notifications(1), 1::bigint, 'a batch deletes so many notifications at most');

select ok(monitoring.purge_notifications(100) >= 1, 'the next one deletes the rest, and returns how many');

select ok(monitoring.purge_emails(100) >= 1, 'the number of deleted e-mails is returned');

select results_eq(
  $$ select channel from monitoring.notifications where channel like 'tap %' order by channel $$,
  $$ values ('tap live'), ('tap waiting'), ('tap young') $$,
  'finished notifications past their retention are deleted, unless their incident is live'
);

select results_eq(
  $$ select subject from public.email_tracking where recipient = 'tap@example.com' order by subject $$,
  $$ values ('waiting'), ('young') $$,
  'e-mails past their retention are deleted, unless they wait'
);

select is_empty(
  $$ select from monitoring.awaited_answers where request_id = -1 $$, 'so are awaited answers that nothing waits for'
);

select * from finish();

rollback;
