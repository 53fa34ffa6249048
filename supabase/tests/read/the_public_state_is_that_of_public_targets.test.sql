begin;

select plan(7);

-- Live incidents and targets of other tests must not count here.
update public.incidents
set status = 'resolved', resolved_at = clock_timestamp()
where status <> 'resolved';

delete from monitoring.target_states;

update public.system_config
set value = '[{"name": "ledger", "type": "backend", "url": "https://a.example/"}]'
where key = 'health_check_targets';

insert into monitoring.target_states (target, status, since)
values ('ledger', 'up', now()), ('shop', 'up', now());

insert into monitoring.job_runs (job, ran_at, succeeded_at)
values ('monitoring-health-checks', now(), now()), ('monitoring-judge-health-checks', now(), now())
on conflict (job) do update
  set ran_at = excluded.ran_at, succeeded_at = excluded.succeeded_at;

-- Returns what signed-in readers see, and what the public sees.
create function pg_temp.states() returns text
language sql
as $$
  select concat_ws(' / ', public.service_health() ->> 'overall', public.public_status() ->> 'overall')
$$;

select is(pg_temp.states(), 'operational / no_targets', 'a private target is none for the public');

update public.system_config
set value = '[
  {"name": "ledger", "type": "backend", "url": "https://a.example/"},
  {"name": "shop", "type": "frontend", "url": "https://b.example/", "public": true}
]'
where key = 'health_check_targets';

update monitoring.target_states set status = 'down'
where target = 'ledger';

select is(pg_temp.states(), 'outage / operational', 'a private target that is down does not count');

insert into public.incidents (id, fingerprint, title, message, severity, category, rule, sender)
values
('INC-1', 'health-check:target:ledger', 't', 'm', 'CRITICAL', 'backend', 'r', 'health-check'),
('INC-2', 'health-check:certificate:shop', 't', 'm', 'CRITICAL', 'backend', 'r', 'health-check'),
('INC-3', 'tap reported', 't', 'm', 'CRITICAL', 'backend', 'r', 'server:default');

select is(
  pg_temp.states(), 'outage / operational', 'nor do its incident, a certificate, and an error that somebody reported'
);

update monitoring.target_states set status = 'degraded'
where target = 'shop';

select is(pg_temp.states(), 'outage / degraded', 'a public target that is degraded counts');

update monitoring.target_states set status = 'down'
where target = 'shop';

select is(pg_temp.states(), 'outage / outage', 'so does one that is down');

update monitoring.target_states set status = 'up';

insert into public.incidents (id, fingerprint, title, message, severity, category, rule, sender)
values ('INC-4', 'health-check:target:shop', 't', 'm', 'CRITICAL', 'frontend', 'r', 'health-check');

select is(pg_temp.states(), 'outage / outage', 'and an incident of the health checks about a public target');

select public.set_incident_severity('INC-4', 'HIGH', 'only some pages');

select is(pg_temp.states(), 'outage / degraded', 'unless its severity was set by hand: then it is degraded at most');

select * from finish();

rollback;
