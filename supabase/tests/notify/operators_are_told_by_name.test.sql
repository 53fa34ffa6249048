begin;

select plan(1);

delete from monitoring.notification_channels;

insert into monitoring.notification_channels (name, place, kind, min_severity, events)
values ('tap ops', 1, 'webhook', 'LOW', '{acknowledged,resolved,reopened}');

insert into public.incidents (id, fingerprint, title, message, severity, category, rule)
values ('INC-1', 'tap operator', 't', 'm', 'LOW', 'backend', 'r');

-- The channel knows of it.
insert into monitoring.notifications (channel, incident_id, event, status, finished_at)
values ('tap ops', 'INC-1', 'opened', 'delivered', now());

select set_config('request.jwt.claims', '{"role": "service_role"}', true);

select public.change_incident('INC-1', '{"action": "acknowledge"}', 'Ann');

select public.change_incident('INC-1', '{"action": "resolve", "resolution": "fixed"}', 'Ann');

select set_config('request.jwt.claims', '{"role": "authenticated", "sub": "1", "email": "ben@example.com"}', true);

select public.change_incident('INC-1', '{"action": "reopen", "reason": "it is back"}');

select results_eq(
  $$
    select notifications.event::text, notifications.details ->> 'actor'
    from monitoring.notifications
    where notifications.incident_id = 'INC-1' and notifications.event <> 'opened'
    order by notifications.id
  $$,
  $$ values ('acknowledged', 'Ann (operator)'), ('resolved', 'Ann (operator)'), ('reopened', 'ben@example.com') $$,
  'who did it'
);

select * from finish();

rollback;
