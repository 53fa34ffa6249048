begin;

select plan(6);

insert into public.incidents (id, fingerprint, title, message, severity, category, rule, status, resolved_at)
values
('INC-1', 'tap open', 't', 'm', 'LOW', 'backend', 'r', 'open', null),
('INC-2', 'tap over', 't', 'm', 'LOW', 'backend', 'r', 'resolved', now());

-- After the incidents, whose transitions would be told.
insert into monitoring.notification_channels (name, place, kind, is_enabled, min_severity, events)
values
('tap live', 900, 'webhook', true, 'LOW', '{opened,resolved}'),
('tap old', 901, 'webhook', true, 'LOW', '{opened,resolved}'),
('tap told', 902, 'webhook', true, 'LOW', '{opened,resolved}'),
('tap end', 903, 'webhook', true, 'LOW', '{opened,resolved}'),
('tap paused', 904, 'webhook', false, 'LOW', '{opened,resolved}');

insert into public.email_tracking (recipient, subject, status, error)
values ('tap@example.com', 's', 'failed', 'answered 404');

insert into monitoring.notifications (channel, incident_id, event, status, attempts, error, created_at, finished_at)
values
('tap live', 'INC-1', 'opened', 'dead', 1, 'answered 404', now(), now()),
('tap live', 'INC-1', 'escalated', 'dead', 1, 'answered 404', now(), now()),
('tap live', 'INC-2', 'opened', 'dead', 1, 'answered 404', now(), now()),
('tap live', null, 'test', 'dead', 1, 'answered 404', now(), now()),
('tap old', 'INC-1', 'opened', 'dead', 1, 'answered 404', now() - interval '25 hours', now()),
('tap told', 'INC-1', 'opened', 'dead', 1, 'answered 404', now(), now()),
('tap told', 'INC-1', 'escalated', 'delivered', 1, null, now(), now()),
('tap end', 'INC-2', 'opened', 'delivered', 1, null, now(), now()),
('tap end', 'INC-2', 'resolved', 'dead', 1, 'answered 404', now(), now()),
('tap removed', 'INC-1', 'opened', 'dead', 1, 'the channel was removed', now(), now());

update monitoring.notifications
set
  email_id = (
    select id from public.email_tracking
    where recipient = 'tap@example.com'
  )
where channel = 'tap live' and incident_id = 'INC-1';

select is(
  monitoring.retry_dead_notifications('TAP live'), 2::bigint, 'notifications of a live incident are queued again'
);

select results_eq(
  $$ select event::text, status::text, attempts, finished_at, email_id from monitoring.notifications
     where channel = 'tap live' order by id $$,
  $$ values
     ('opened', 'queued', 0, null::timestamptz, null::bigint), ('escalated', 'queued', 0, null, null),
     ('opened', 'dead', 1, now(), null), ('test', 'dead', 1, now(), null) $$,
  'what is over, and tests, stay dead'
);

select is(
  monitoring.retry_dead_notifications('tap old') + monitoring.retry_dead_notifications('tap told'), 0::bigint,
  'neither old notifications, nor those that something later followed'
);

select is(
  monitoring.retry_dead_notifications('tap end'), 1::bigint,
  'a channel that was told of an incident is told of its resolution'
);

select throws_ok(
  $$ select monitoring.retry_dead_notifications('tap removed') $$, 'PT404', 'there is no notification channel of this name',
  'nothing is queued for a channel that was removed'
);

select throws_ok(
  $$ select monitoring.retry_dead_notifications('tap paused') $$, 'PT409',
  'nothing is sent to the channel now: the channel is disabled', 'nor for one that is paused'
);

select * from finish();

rollback;
