begin;

select plan(7);

insert into public.incidents (id, fingerprint, title, message, severity, category, rule, sender)
values
('INC-1', 'health-check:target:storm-child', 't', 'm', 'HIGH', 'backend', 'r', 'health-check'),
('INC-2', 'health-check:target:storm-parent', 't', 'm', 'HIGH', 'backend', 'r', 'health-check'),
('INC-3', 'health-check:connectivity', 't', 'm', 'HIGH', 'backend', 'r', 'health-check'),
('INC-4', 'storm-other', 't', 'm', 'HIGH', 'backend', 'r', 'server:default');

update public.system_config
set value = '[
  {"name": "storm-root", "type": "backend", "url": "https://a.example/"},
  {"name": "storm-parent", "type": "backend", "url": "https://a.example/", "depends_on": "storm-root"},
  {"name": "storm-child", "type": "backend", "url": "https://a.example/", "depends_on": "storm-parent"}
]'
where key = 'health_check_targets';

create function pg_temp.silent()
returns text
language sql
as $$
  select coalesce(string_agg(incidents.id, ' ' order by incidents.id), '')
  from public.incidents
  where incidents.id in ('INC-1', 'INC-2', 'INC-3', 'INC-4')
    and monitoring.is_silent(incidents)
$$;

select is(pg_temp.silent(), '', 'nothing is silent without a reason');

insert into monitoring.target_states (target, status, since, good_rounds, degraded_rounds, down_rounds, unknown_rounds, last_check_at)
values ('storm-root', 'down', now(), 0, 0, 1, 0, now());

select is(pg_temp.silent(), 'INC-1 INC-2', 'a target is silent while one that it depends on, directly or not, is down');

update monitoring.target_states
set status = 'degraded'
where target = 'storm-root';

select is(pg_temp.silent(), '', 'a parent that is only slow silences nothing');

select lives_ok($$ select public.mute_target('storm-child', 10, 'work') $$, 'a target is muted');

select is(pg_temp.silent(), 'INC-1', 'a target in maintenance is silent, the others are not');

update public.incidents
set status = 'suppressed'
where id = 'INC-4';

select is(pg_temp.silent(), 'INC-1 INC-4', 'so is a suppressed incident');

insert into monitoring.notification_channels (name, place, kind, min_severity, events)
values ('storm-a', 900, 'webhook', 'LOW', '{opened,resolved}');

insert into monitoring.notifications (channel, incident_id, event, severity)
values
('storm-a', 'INC-1', 'opened', 'HIGH'), ('storm-a', 'INC-2', 'opened', 'HIGH'), ('storm-a', 'INC-4', 'resolved', 'HIGH');

select results_eq(
  $$ select incident_id from monitoring.list_due_notifications('storm-a') order by place $$,
  $$ values ('INC-2'), ('INC-4') $$,
  'an opening waits while its incident is silent; a resolution does not'
);

select * from finish();

rollback;
