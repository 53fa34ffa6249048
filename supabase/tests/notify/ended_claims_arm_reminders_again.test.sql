begin;

select plan(3);

delete from monitoring.notification_channels;

insert into monitoring.notification_channels (
  name, place, kind, min_severity, events, remind_after_minutes, escalate_after_minutes, escalate_to
)
values
('tap ops', 1, 'slack', 'HIGH', '{opened,escalated}', 10, 20, 'tap boss'),
('tap boss', 2, 'slack', 'CRITICAL', '{resolved}', null, null, null);

insert into public.incidents (fingerprint, title, message, severity, category, rule, source)
values ('tap armed', 't', 'm', 'HIGH', 'backend', 'r', 'tap-armed');

update public.incidents
set severity = 'CRITICAL'
where fingerprint = 'tap armed';

create function monitoring.test_armed()
returns table (event text, is_reminding boolean, is_escalating boolean)
language sql
set search_path = ''
as $$
  select
    notifications.event::text,
    notifications.remind_at between now() + interval '9 minutes' and now() + interval '11 minutes',
    notifications.escalate_at between now() + interval '19 minutes' and now() + interval '21 minutes'
  from monitoring.notifications
  where notifications.channel = 'tap ops'
    and notifications.incident_id = (select incidents.id from public.incidents where incidents.fingerprint = 'tap armed')
  order by notifications.id
$$;

select results_eq(
  $$ select * from monitoring.test_armed() $$,
  $$ values ('opened', true, true), ('escalated', true, true) $$,
  'what is told is followed by reminders and an escalation'
);

select public.claim_next_incident('tap', source => 'tap-armed');

select results_eq(
  $$ select * from monitoring.test_armed() $$,
  $$ values ('opened', null::boolean, null::boolean), ('escalated', null, null) $$,
  'not while an agent has claimed the incident'
);

select public.release_claim(incidents.id, 'not mine')
from public.incidents
where incidents.fingerprint = 'tap armed';

select results_eq(
  $$ select * from monitoring.test_armed() $$,
  $$ values ('opened', null::boolean, null::boolean), ('escalated', true, true) $$,
  'and again when the claim of an agent ended'
);

select * from finish();

rollback;
