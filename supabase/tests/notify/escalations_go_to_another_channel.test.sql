begin;

select plan(8);

insert into public.incidents (id, fingerprint, title, message, severity, category, rule)
values
('INC-1', 'storm-one', 'Title', 'm', 'HIGH', 'backend', 'r'), ('INC-2', 'storm-two', 't', 'm', 'HIGH', 'backend', 'r'),
('INC-3', 'storm-three', 't', 'm', 'HIGH', 'backend', 'r');

insert into monitoring.notification_channels (
  name, place, kind, min_severity, events, remind_after_minutes, escalate_after_minutes, escalate_to
)
values
('storm-a', 900, 'webhook', 'LOW', '{opened}', null, 15, 'storm-b'),
('storm-b', 901, 'webhook', 'CRITICAL', '{opened,reminder}', 10, 20, 'storm-c'),
('storm-c', 902, 'webhook', 'CRITICAL', '{opened}', null, null, null);

insert into monitoring.notifications (channel, incident_id, event, severity, status, attempts, finished_at, escalate_at)
values
('storm-a', 'INC-1', 'opened', 'HIGH', 'delivered', 1, now(), now() - interval '2 seconds'),
('storm-a', 'INC-1', 'escalated', 'HIGH', 'delivered', 1, now(), now() - interval '1 second'),
('storm-a', 'INC-2', 'opened', 'HIGH', 'queued', 0, null, now() - interval '1 second'),
('storm-a', 'INC-3', 'opened', 'HIGH', 'queued', 3, null, now() - interval '1 second');

create function pg_temp.list_rows(incident_id text)
returns setof text
language sql
as $$
  select concat_ws(
    ' ', notifications.channel, notifications.event,
    case when notifications.remind_at > now() then 'reminds' end,
    case when notifications.escalate_at > now() then 'escalates' else notifications.escalate_at::text end
  )
  from monitoring.notifications
  where notifications.incident_id = list_rows.incident_id
    and notifications.channel like 'storm-%'
  order by notifications.id
$$;

select lives_ok($$ select monitoring.queue_reminders() $$, 'the escalations are queued');

select results_eq(
  $$ select pg_temp.list_rows('INC-1') $$,
  array['storm-a opened', 'storm-a escalated', 'storm-b escalated reminds escalates'],
  'the other channel is told once, whatever its filters, and arms its own reminder and escalation'
);

select results_eq(
  $$
    select details ->> 'reason', details ->> 'escalated_from', details ->> 'title', severity::text
    from monitoring.notifications
    where incident_id = 'INC-1' and channel = 'storm-b'
  $$,
  $$ values ('not acknowledged after 15 minutes', 'storm-a', 'Title', 'HIGH') $$,
  'it is told why'
);

select results_eq(
  $$ select pg_temp.list_rows('INC-2') union all select pg_temp.list_rows('INC-3') $$,
  array['storm-a opened escalates', 'storm-a opened', 'storm-b escalated reminds escalates'],
  'what was held is escalated later; what failed is escalated'
);

update monitoring.notifications
set escalate_at = now() - interval '1 second'
where incident_id = 'INC-1';

select is(monitoring.write_escalations('{INC-1}'), 0, 'an opening is not escalated twice, nor what was not sent yet');

update monitoring.notifications
set attempts = 1, status = 'delivered', finished_at = now(), escalate_at = now() - interval '1 second'
where incident_id = 'INC-1' and channel = 'storm-b';

select is(monitoring.write_escalations('{INC-1}'), 1, 'a chain goes on');

update public.incidents
set reopened_at = clock_timestamp() + interval '1 second'
where id = 'INC-1';

update monitoring.notifications
set escalate_at = now() - interval '1 second'
where incident_id = 'INC-1' and channel = 'storm-a' and event = 'opened';

select is(monitoring.write_escalations('{INC-1}'), 1, 'a later opening is escalated again');

update public.incidents
set status = 'acknowledged', acknowledged_at = clock_timestamp() + interval '1 second'
where id = 'INC-3';

update monitoring.notifications
set status = 'delivered', finished_at = now(), escalate_at = now() - interval '1 second'
where incident_id = 'INC-3' and channel = 'storm-b';

select is(monitoring.write_escalations('{INC-3}'), 0, 'an acknowledged incident is not');

select * from finish();

rollback;
