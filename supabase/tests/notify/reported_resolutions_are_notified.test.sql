begin;

select plan(2);

delete from monitoring.notification_channels;

insert into monitoring.secrets (name, value)
values ('tap-resolved', 'https://203.0.113.9/tap');

insert into monitoring.notification_channels (name, place, kind, min_severity, events, url_secret)
values ('tap resolved', 1, 'webhook', 'LOW', '{opened,resolved}', 'tap-resolved');

create function pg_temp.report(status text)
returns jsonb
language sql
as $$
  select public.ingest_events(jsonb_build_array(jsonb_build_object(
    'sender', 'server:tap-notify',
    'event', jsonb_build_object('error', '{"message": "down"}'::jsonb, 'fingerprint', 'tap notify', 'status', status)
  ))) -> 0;
$$;

select pg_temp.report('firing');

select pg_temp.report('resolved');

select pg_temp.report('resolved');

select results_eq(
  $$
    select notifications.event::text
    from monitoring.notifications
    join public.incidents on incidents.id = notifications.incident_id
    where incidents.sender = 'server:tap-notify'
    order by notifications.id
  $$,
  $$ values ('opened'), ('resolved') $$,
  'the resolution is notified, once'
);

delete from monitoring.early_resolutions;

insert into monitoring.early_resolutions (fingerprint, sender, resolved_at, created_at)
select
  'f ' || hours as fingerprint,
  'server:tap-notify' as sender,
  now() as resolved_at,
  now() - make_interval(hours => hours) as created_at
from (values (1), (10000)) as ages (hours);

select monitoring.purge_early_resolutions(100);

select results_eq(
  $$ select fingerprint from monitoring.early_resolutions where sender = 'server:tap-notify' $$,
  $$ values ('f 1') $$,
  'resolutions without an incident are purged with the receipts'
);

select finish();

rollback;
