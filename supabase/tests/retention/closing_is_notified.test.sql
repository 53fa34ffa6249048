begin;

select plan(2);

delete from monitoring.notification_channels;

insert into monitoring.secrets (name, value)
values ('tap-quiet', 'https://203.0.113.9/tap');

insert into monitoring.notification_channels (name, place, kind, min_severity, events, url_secret)
values ('tap quiet', 1, 'webhook', 'LOW', '{opened,resolved}', 'tap-quiet');

insert into public.incidents (id, fingerprint, title, message, severity, category, rule, first_seen, last_seen)
values
('INC-1', 'tap quiet', 't', 'm', 'LOW', 'backend', 'r', now() - interval '20 days', now() - interval '15 days');

select ok(monitoring.close_quiet_incidents(100) >= 1, 'a quiet incident is closed');

select results_eq(
  $$
    select notifications.event::text, notifications.details ->> 'resolution'
    from monitoring.notifications
    where notifications.incident_id = 'INC-1'
    order by notifications.id
  $$,
  $$ values
    ('opened', null::text),
    ('resolved', 'Closed because it was not reported for 14 days (incident_policy.auto_resolve_after).') $$,
  'who was told of it is told of its end, and why'
);

select * from finish();

rollback;
