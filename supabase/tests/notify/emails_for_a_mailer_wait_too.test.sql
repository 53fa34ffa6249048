begin;

select plan(6);

delete from monitoring.notification_channels;

update public.system_config
set value = '{"email": true}'
where key = 'feature_flags';

insert into monitoring.notification_channels (
  name, place, kind, min_severity, events, email, quiet_from, quiet_to, quiet_timezone, critical_passes_quiet_hours
)
select
  'tap mailer' as name,
  1 as place,
  'email' as kind,
  'LOW' as min_severity,
  '{opened,resolved}' as events,
  'tap-ann@example.com' as email,
  (now() at time zone 'Asia/Tokyo' - interval '1 hour')::time as quiet_from,
  (now() at time zone 'Asia/Tokyo' + interval '1 hour')::time as quiet_to,
  'Asia/Tokyo' as quiet_timezone,
  true as critical_passes_quiet_hours;

create function pg_temp.subjects()
returns text[]
language sql
as $$
  select array_agg(subject order by id)
  from public.email_tracking
  where recipient = 'tap-ann@example.com'
$$;

insert into public.incidents (id, fingerprint, title, message, severity, category, rule)
values
('INC-TAP1', 'tap mailer 1', 'held', 'm', 'HIGH', 'backend', 'r'),
('INC-TAP2', 'tap mailer 2', 'loud', 'm', 'CRITICAL', 'backend', 'r'),
('INC-TAP3', 'tap mailer 3', 'over', 'm', 'HIGH', 'backend', 'r');

select is(
  pg_temp.subjects(), '{[CRITICAL] INC-TAP2 loud}', 'in quiet hours, a mailer of yours gets what is CRITICAL alone'
);

update public.incidents
set status = 'resolved', resolved_at = now(), resolution = 'x'
where id = 'INC-TAP3';

select monitoring.send_channel('tap mailer');

select is(pg_temp.subjects(), '{[CRITICAL] INC-TAP2 loud}', 'the end of what it was not told of is not told');

update monitoring.notification_channels
set quiet_from = null, quiet_to = null, quiet_timezone = null
where name = 'tap mailer';

update public.incidents
set status = 'resolved', resolved_at = now(), resolution = 'x'
where id = 'INC-TAP2';

insert into public.incidents (id, fingerprint, title, message, severity, category, rule)
values ('INC-TAP4', 'tap mailer 4', 'later', 'm', 'HIGH', 'backend', 'r');

select monitoring.send_channel('tap mailer');

select is(
  (pg_temp.subjects())[2:],
  '{[CRITICAL] INC-TAP2 resolved: loud,[HIGH] INC-TAP4 later,[HIGH] INC-TAP1 held}',
  'after them, it gets what is not over'
);

select set_eq(
  $$ select incident_id, event::text, status::text, email_id is not null from monitoring.notifications
     where channel = 'tap mailer' $$,
  $$ values
     ('INC-TAP1', 'opened', 'delivered', true), ('INC-TAP2', 'opened', 'delivered', true),
     ('INC-TAP2', 'resolved', 'delivered', true), ('INC-TAP3', 'opened', 'collapsed', false),
     ('INC-TAP3', 'resolved', 'collapsed', false), ('INC-TAP4', 'opened', 'delivered', true) $$,
  'an e-mail is written when it is due, and its notification is done with it'
);

select results_eq(
  $$ select distinct status::text, sent_at from public.email_tracking where recipient = 'tap-ann@example.com' $$,
  $$ values ('queued', null::timestamptz) $$,
  'the mailer says when it sent them'
);

update monitoring.notifications
set status = 'dead', email_id = null, error = 'feature_flags.email is off'
where incident_id = 'INC-TAP1';

select monitoring.retry_dead_notifications('tap mailer');

select monitoring.send_channel('tap mailer');

select is((pg_temp.subjects())[5], '[HIGH] INC-TAP1 held', 'what was given up can be queued again');

select * from finish();

rollback;
