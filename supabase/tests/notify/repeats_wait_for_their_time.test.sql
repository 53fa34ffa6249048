begin;

select plan(6);

insert into public.incidents (id, fingerprint, title, message, severity, category, rule)
values ('INC-1', 'storm-one', 't', 'm', 'MEDIUM', 'backend', 'r');

update public.system_config
set value = value || '{"notification_repeat_minutes": 5}'
where key = 'rate_limits';

insert into monitoring.notification_channels (name, place, kind, min_severity, events)
values ('storm-a', 900, 'webhook', 'LOW', '{opened,reopened,resolved}');

insert into monitoring.notifications (channel, incident_id, event, severity, status, attempts, sent_at, finished_at)
values
('storm-a', 'INC-1', 'opened', 'MEDIUM', 'delivered', 1, now() - interval '4 minutes', now() - interval '4 minutes'),
('storm-a', 'INC-1', 'resolved', 'MEDIUM', 'delivered', 1, now() - interval '3 minutes', now() - interval '3 minutes');

insert into monitoring.notifications (channel, incident_id, event, severity)
values ('storm-a', 'INC-1', 'reopened', 'MEDIUM');

create function pg_temp.due()
returns text
language sql
as $$
  select coalesce(string_agg(notifications.event::text, ' '), 'none')
  from monitoring.list_due_notifications('storm-a') as due
  join monitoring.notifications on notifications.id = due.id
$$;

select is(pg_temp.due(), 'none', 'a reopening waits when the opening was told less than 5 minutes ago');

select is(
  (
    select monitoring.find_repeat_end(channel, incident_id, id, event, severity)
    from monitoring.notifications
    where channel = 'storm-a' and event = 'reopened'
  ),
  now() + interval '1 minute', 'until 5 minutes after the earlier message'
);

update monitoring.notifications
set severity = 'HIGH'
where channel = 'storm-a' and event = 'reopened';

select is(pg_temp.due(), 'reopened', 'a higher severity is news, and does not wait');

update monitoring.notifications
set severity = 'MEDIUM', sent_at = sent_at - interval '1 minute'
where channel = 'storm-a';

select is(pg_temp.due(), 'reopened', 'after its time it is sent');

update monitoring.notifications
set sent_at = now() - interval '2 minutes'
where channel = 'storm-a' and event = 'opened';

update public.system_config
set value = value || '{"notification_repeat_minutes": 1}'
where key = 'rate_limits';

select is(pg_temp.due(), 'reopened', 'the limit is that of the configuration');

update monitoring.notifications
set status = 'dead', sent_at = now()
where channel = 'storm-a' and event = 'opened';

select is(pg_temp.due(), 'reopened', 'a message that never arrived holds nothing');

select * from finish();

rollback;
