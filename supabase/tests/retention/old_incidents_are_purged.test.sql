begin;

select plan(8);

delete from monitoring.incident_days;

update public.system_config
set value = value || '{"incidents_days": 400, "agent_actions_days": 365}'
where key = 'retention';

insert into public.incidents (
  id, fingerprint, title, message, severity, category, rule, status, first_seen, last_seen, acknowledged_at, resolved_at,
  occurrence_count
)
values
(
  'INC-1', 'ret due', 't', 'm', 'LOW', 'backend', 'r', 'resolved', now() - interval '402 days',
  now() - interval '402 days', now() - interval '402 days', now() - interval '401 days', 3
),
(
  'INC-2', 'ret due', 't', 'm', 'LOW', 'backend', 'r', 'resolved', now() - interval '402 days',
  now() - interval '402 days', null, now() - interval '401 days', 4
),
(
  'INC-3', 'ret audited', 't', 'm', 'LOW', 'backend', 'r', 'resolved', now() - interval '402 days',
  now() - interval '402 days', null, now() - interval '401 days', 1
),
(
  'INC-5', 'ret young', 't', 'm', 'LOW', 'backend', 'r', 'resolved', now() - interval '402 days',
  now() - interval '402 days', null, now() - interval '399 days', 1
),
(
  'INC-6', 'ret live', 't', 'm', 'LOW', 'backend', 'r', 'open', now() - interval '402 days',
  now() - interval '402 days', null, null, 1
);

-- Actions are deleted by retention only.
alter table public.agent_actions disable trigger user;

delete from public.agent_actions
where incident_id <> 'INC-3';

alter table public.agent_actions enable trigger user;

insert into public.security_events (event_type, severity, confidence, incident_id)
values ('ret', 'LOW', 1, 'INC-1');

insert into monitoring.notifications (channel, incident_id, event, status, details, finished_at)
values ('ret', 'INC-1', 'opened', 'delivered', '{}', now());

insert into monitoring.incident_hours (incident_id, hour, occurrences, first_seen, last_seen)
values ('INC-1', date_trunc('hour', now(), 'UTC'), 1, now(), now());

select is(monitoring.purge_incidents(1), 1::bigint, 'a batch deletes so many incidents at most');

select is(monitoring.purge_incidents(10), 1::bigint, 'the next one the rest, and returns how many');

select results_eq(
  $$ select id from public.incidents where fingerprint like 'ret %' order by id $$,
  $$ values ('INC-3'), ('INC-5'), ('INC-6') $$,
  'an incident stays while it is live or young, or an action of it is kept'
);

select results_eq(
  $$ select severity::text, category::text, incidents, acknowledged, occurrences, seconds_to_acknowledge, seconds_to_resolve
     from monitoring.incident_days where day = (now() at time zone 'UTC')::date - 402 $$,
  $$ values ('LOW', 'backend', 2::bigint, 1::bigint, 7::bigint, 0::double precision, 172800::double precision) $$,
  'what was purged stays counted by the day on which it opened'
);

select is_empty(
  $$ select incident_id from monitoring.notifications where channel = 'ret'
     union all select incident_id from monitoring.incident_hours where incident_id = 'INC-1' $$,
  'its notifications and hours go with it'
);

select results_eq(
  $$ select incident_id from public.security_events where event_type = 'ret' $$, array[null::text],
  'its security events stay'
);

select is(monitoring.purge_incidents(10), 0::bigint, 'purging again deletes nothing');

select throws_ok(
  $$ insert into monitoring.incident_days
     values ('2026-01-01', 'LOW', 'backend', 1, 2, 1, 0, 0) $$, '23514',
  'new row for relation "incident_days" violates check constraint "purged_figures_are_in_order"',
  'purged_figures_are_in_order'
);

select * from finish();

rollback;
