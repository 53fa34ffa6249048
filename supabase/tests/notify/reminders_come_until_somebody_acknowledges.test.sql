begin;

select plan(8);

insert into public.incidents (id, fingerprint, title, message, severity, category, rule)
values ('INC-1', 'storm-one', 'Title', 'm', 'HIGH', 'backend', 'r'), ('INC-2', 'storm-two', 't', 'm', 'HIGH', 'backend', 'r');

insert into monitoring.notification_channels (name, place, kind, min_severity, events, remind_after_minutes)
values ('storm-a', 900, 'webhook', 'LOW', '{opened,reminder}', 30), ('storm-b', 901, 'webhook', 'LOW', '{opened}', 30);

insert into monitoring.notifications (channel, incident_id, event, severity, status, finished_at, remind_at)
values
('storm-a', 'INC-1', 'opened', 'HIGH', 'delivered', now(), now() - interval '2 seconds'),
('storm-a', 'INC-1', 'escalated', 'HIGH', 'delivered', now(), now() - interval '1 second'),
('storm-b', 'INC-1', 'opened', 'HIGH', 'delivered', now(), now() - interval '1 second'),
('storm-c', 'INC-1', 'opened', 'HIGH', 'delivered', now(), now() - interval '1 second'),
('storm-a', 'INC-2', 'opened', 'HIGH', 'queued', null, now() - interval '1 second');

select lives_ok($$ select monitoring.queue_reminders() $$, 'the reminders are queued');

create function pg_temp.list_rows(incident_id text)
returns setof text
language sql
as $$
  select concat_ws(
    ' ', notifications.channel, notifications.event, notifications.status,
    case when notifications.remind_at > now() + interval '25 minutes' then 'armed' else notifications.remind_at::text end
  )
  from monitoring.notifications
  where notifications.incident_id = list_rows.incident_id
    and notifications.channel like 'storm-%'
  order by notifications.id
$$;

select results_eq(
  $$ select pg_temp.list_rows('INC-1') $$,
  array[
    'storm-a opened delivered', 'storm-a escalated delivered', 'storm-b opened delivered', 'storm-c opened delivered',
    'storm-a reminder queued armed'
  ],
  'one reminder follows, in the channel that takes reminders, and arms the next'
);

select results_eq(
  $$ select pg_temp.list_rows('INC-2') $$, array['storm-a opened queued armed'],
  'no reminder follows what was not sent yet: it is due later'
);

select results_eq(
  $$
    select severity::text, details ->> 'title', details ->> 'reason' like 'open for % minutes and not acknowledged'
    from monitoring.notifications
    where incident_id = 'INC-1' and event = 'reminder'
  $$,
  $$ values ('HIGH', 'Title', true) $$,
  'a reminder says what the incident is now, and for how long'
);

update monitoring.notifications
set status = 'delivered', finished_at = now(), remind_at = now() - interval '1 second'
where incident_id = 'INC-1' and event = 'reminder';

update public.incidents
set status = 'suppressed'
where id = 'INC-1';

update monitoring.notifications
set remind_at = now() - interval '1 second'
where incident_id = 'INC-1' and event = 'reminder';

select is(monitoring.write_reminders('{INC-1}'), 0, 'nobody is reminded of an incident that is not open');

select is(
  (
    select count(*)
    from monitoring.notifications
    where incident_id = 'INC-1' and remind_at is not null
  ),
  0::bigint, 'and it is not due any more'
);

update public.system_config
set value = '{"enabled": true}'
where key = 'kill_switch';

update monitoring.notification_channels
set kind = 'agent'
where name = 'storm-a';

update monitoring.notifications
set status = 'delivered', finished_at = now(), remind_at = now() - interval '1 second'
where incident_id = 'INC-2';

select is(monitoring.write_reminders('{INC-2}'), 0, 'nothing is written for a channel to which nothing may be sent');

select results_eq(
  $$ select pg_temp.list_rows('INC-2') $$, array['storm-a opened delivered armed'], 'the reminder is due later'
);

select * from finish();

rollback;
