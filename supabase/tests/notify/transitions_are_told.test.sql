begin;

select plan(10);

delete from monitoring.notification_channels;

insert into monitoring.notification_channels (
  name, place, kind, min_severity, categories, sources, environments, events, remind_after_minutes
)
values
('tap all', 1, 'webhook', 'LOW', null, null, null, '{opened,escalated,reopened,acknowledged,resolved}', 10),
('tap grave', 2, 'webhook', 'CRITICAL', null, null, null, '{opened,resolved}', null),
('tap shop', 3, 'webhook', 'LOW', '{frontend}', '{shop}', '{production}', '{opened,resolved}', null);

create function monitoring.test_told(key text)
returns text[]
language sql
set search_path = ''
as $$
  select array_agg(notifications.channel || ' ' || notifications.event order by notifications.id)
  from monitoring.notifications
  join public.incidents on incidents.id = notifications.incident_id
  where incidents.fingerprint = test_told.key
$$;

insert into public.incidents (fingerprint, title, message, severity, category, rule, source, environment, status)
values
('tap told', 'Checkout fails', repeat('m', 600), 'HIGH', 'backend', 'r', 'api', null, 'open'),
('tap shop', 't', 'm', 'LOW', 'frontend', 'r', 'shop', 'production', 'open'),
('tap test', 't', 'm', 'LOW', 'frontend', 'r', 'shop', 'test', 'open'),
('tap quiet', 't', 'm', 'CRITICAL', 'frontend', 'r', 'shop', 'production', 'suppressed');

select results_eq(
  $$ select key, monitoring.test_told(key)
     from unnest(array['tap told', 'tap shop', 'tap test', 'tap quiet']) with ordinality as asked (key, place)
     order by place $$,
  $$ values
     ('tap told', '{tap all opened}'::text[]), ('tap shop', '{tap all opened,tap shop opened}'::text[]),
     ('tap test', '{tap all opened}'::text[]), ('tap quiet', null) $$,
  'a new incident is told to the channels whose filters it passes, one that is suppressed to none'
);

select is(
  (
    select
      notifications.details - array['first_seen', 'occurred_at']
      || jsonb_build_object('message', length(notifications.details ->> 'message'))
    from monitoring.notifications
    inner join public.incidents on notifications.incident_id = incidents.id
    where incidents.fingerprint = 'tap told'
  ),
  '{"title": "Checkout fails", "message": 500, "severity": "HIGH", "category": "backend", "status": "open",
    "source": "api", "occurrence_count": 1}',
  'the incident is described as it was'
);

update public.incidents
set severity = 'CRITICAL'
where fingerprint = 'tap told';

select is(
  monitoring.test_told('tap told'), '{tap all opened,tap all escalated,tap grave escalated}',
  'an escalation is told, also to a channel that asks for new incidents and did not know of this one'
);

select set_eq(
  $$ select notifications.severity::text, details ->> 'severity' from monitoring.notifications
     join public.incidents on incidents.id = incident_id
     where fingerprint = 'tap told' $$,
  $$ values ('CRITICAL', 'CRITICAL') $$,
  'what waits gets the raised severity'
);

select is(
  (
    select count(*)
    from monitoring.notifications
    where
      channel = 'tap all' and event in ('opened', 'escalated')
      and remind_at between now() + interval '9 minutes' and now() + interval '11 minutes'
  ),
  4::bigint, 'reminders follow'
);

update public.incidents
set status = 'acknowledged', acknowledged_at = now(), acknowledged_by = 'ann'
where fingerprint = 'tap told';

update public.incidents
set status = 'resolved', resolved_at = now(), resolution = 'restarted'
where fingerprint in ('tap told', 'tap quiet');

select is(
  (monitoring.test_told('tap told'))[4:],
  '{tap all acknowledged,tap all resolved,tap grave resolved}',
  'channels are told of the end of what they were told of'
);

select is(monitoring.test_told('tap quiet'), null, 'nobody is told of the end of what nobody was told of');

select is_empty(
  $$ select from monitoring.notifications join public.incidents on incidents.id = incident_id
     where fingerprint = 'tap told' and remind_at is not null $$,
  'an acknowledged incident is not told again'
);

update public.incidents
set status = 'open', resolved_at = null, resolution = null, acknowledged_at = null, acknowledged_by = null
where fingerprint in ('tap told', 'tap quiet');

select results_eq(
  $$ select (monitoring.test_told('tap told'))[7:], monitoring.test_told('tap quiet') $$,
  $$ values ('{tap all reopened}'::text[], '{tap all reopened}'::text[]) $$,
  'a reopening is told to channels that take it'
);

update public.incidents
set status = 'suppressed'
where fingerprint in ('tap told', 'tap test');

update public.incidents
set status = 'open'
where fingerprint in ('tap told', 'tap test');

delete from monitoring.notifications
using public.incidents
where
  incidents.id = notifications.incident_id
  and incidents.fingerprint = 'tap shop';

update public.incidents
set status = 'suppressed'
where fingerprint = 'tap shop';

update public.incidents
set status = 'open'
where fingerprint = 'tap shop';

select results_eq(
  $$ select monitoring.test_told('tap test'), monitoring.test_told('tap shop') $$,
  $$ values ('{tap all opened,tap all reopened}'::text[], '{tap all opened,tap shop opened}'::text[]) $$,
  'the end of a suppression is a reopening, and news to a channel that was never told'
);

select * from finish();

rollback;
