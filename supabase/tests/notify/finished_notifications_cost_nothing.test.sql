begin;

select plan(3);

delete from monitoring.notifications;
delete from monitoring.notification_channels;

insert into monitoring.secrets (name, value)
values ('tap-hook', 'http://127.0.0.1:9/tap-many'), ('tap-sign', 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw');

insert into public.incidents (fingerprint, title, message, severity, category, rule)
select
  'tap many ' || many.number as fingerprint,
  't' as title,
  'm' as message,
  'HIGH' as severity,
  'backend' as category,
  'r' as rule
from generate_series(1, 100) as many (number);

insert into monitoring.notifications (
  channel, incident_id, event, severity, details, status, created_at, sent_at, finished_at
)
select
  'tap many ' || many.number % 3 as channel,
  incidents.id as incident_id,
  (array['opened', 'resolved'])[1 + many.number % 2]::monitoring.notification_event as event,
  'HIGH' as severity,
  '{"title": "t"}' as details,
  'delivered' as status,
  now() - interval '1 hour' - many.number * interval '10 seconds' as created_at,
  now() - interval '1 hour' - many.number * interval '10 seconds' as sent_at,
  now() - interval '1 hour' - many.number * interval '10 seconds' as finished_at
from public.incidents
cross join generate_series(1, 1000) as many (number)
where incidents.fingerprint like 'tap many %';

insert into monitoring.notification_channels (name, place, kind, min_severity, events, url_secret, signing_secret)
select
  'tap many ' || many.number as name,
  many.number as place,
  'webhook' as kind,
  'HIGH' as min_severity,
  '{opened,escalated,resolved}' as events,
  'tap-hook' as url_secret,
  'tap-sign' as signing_secret
from generate_series(0, 2) as many (number);

analyze monitoring.notifications;

create function monitoring.test_scans()
returns bigint
language sql
volatile
set search_path = ''
as $$
  select coalesce(pg_stat_xact_user_tables.seq_scan, 0)
  from pg_catalog.pg_stat_xact_user_tables
  where pg_stat_xact_user_tables.relid = 'monitoring.notifications'::regclass
$$;

create temporary table scans as
select monitoring.test_scans() as before;

update public.incidents
set severity = 'CRITICAL'
where fingerprint like 'tap many 1%';

update public.incidents
set status = 'resolved', resolved_at = now(), resolution = 'x'
where fingerprint like 'tap many 2%';

select is(
  (select monitoring.test_scans() - scans.before from scans), 0::bigint,
  'a transition reads none of 100,000 finished notifications of others'
);

select ok(monitoring.send_due_notifications() > 0, 'the job sends what is due');

select is((select monitoring.test_scans() - scans.before from scans), 0::bigint, 'and reads none of them either');

select * from finish();

rollback;
