begin;

select plan(6);

delete from public.monitoring_checks;

delete from monitoring.target_hourly_stats;

delete from monitoring.target_daily_stats;

insert into monitoring.target_daily_stats
values ('api', (now() at time zone 'UTC')::date - 1096, 1, 0, 0, 0, 0);

insert into public.monitoring_checks (target, target_type, url, status, scheduled_at, completed_at)
values
('api', 'backend', 'https://a.example/', 'up', now() - interval '91 days', now()),
('api', 'backend', 'https://a.example/', 'up', now() - interval '89 days', now());

-- A caller of its own: other tests act as postgres.
select set_config('request.jwt.claims', '{"role": "authenticated", "sub": "purged"}', true);

insert into public.agent_actions (agent, action, created_at)
values ('test', 'old', now() - interval '400 days'), ('test', 'young', now() - interval '300 days');

insert into public.incidents (id, fingerprint, title, message, severity, category, rule)
values ('INC-1', 'purged', 't', 'm', 'LOW', 'backend', 'r');

insert into monitoring.incident_hours (incident_id, hour, occurrences, first_seen, last_seen)
select
  'INC-1' as incident_id,
  date_trunc('hour', now() - days, 'UTC') as hour,
  1 as occurrences,
  now() as first_seen,
  now() as last_seen
from (values (interval '91 days'), (interval '89 days')) as given (days);

insert into public.agent_actions (agent, action, incident_id, created_at, finishes_id)
values
('test', 'younger', 'INC-1', now() - interval '364 days', null),
('test', 'out of order', 'INC-1', now() - interval '366 days', null),
('test', 'its end', null, now() - interval '1 day', currval('public.agent_actions_id_seq'));

delete from monitoring.deliveries;

insert into monitoring.deliveries (resource, body_hash, sent_at, effect, received_at)
values ('issue', 'old', now(), 'recorded', now() - interval '31 days'), ('issue', 'new', now(), 'recorded', now());

insert into monitoring.service_versions (version, first_seen, last_seen)
values ('0.0.1', now() - interval '95 days', now() - interval '91 days'), ('0.0.2', now(), now());

select is(
  monitoring.purge_history() - 'job_runs' - 'agent_actions' - 'notifications' - 'email_tracking',
  '{"monitoring_checks": 1, "target_hourly_stats": 0, "target_daily_stats": 1, "deliveries": 1, "incident_hours": 1,
    "service_versions": 1}'::jsonb,
  'rows past their retention are deleted'
);

select is((select count(*) from public.monitoring_checks), 1::bigint, 'newer checks stay');

select is(
  (select sum(checks) from monitoring.target_hourly_stats), 2::bigint, 'both checks were summed up before'
);

select is(
  monitoring.purge_history() ->> 'monitoring_checks', '0', 'purging again deletes nothing more'
);

update monitoring.target_hourly_stats
set is_final = false;

update public.system_config
set value = value || '{"monitoring_checks_days": 1}'
where key = 'retention';

insert into public.monitoring_checks (target, target_type, status, scheduled_at, completed_at, interval_minutes)
values
('daily', 'other', 'up', date_trunc('hour', now(), 'UTC') - interval '49 hours', now(), 1440),
('daily', 'other', 'up', date_trunc('hour', now(), 'UTC') - interval '25 hours', now(), 1440);

insert into monitoring.target_states (target, since)
values ('daily', now());

select monitoring.purge_history();

select monitoring.roll_up_checks();

select results_eq(
  $$ select count(*), sum(up_seconds), sum(gap_seconds) from public.target_history
     where target = 'daily' and hour < date_trunc('hour', now(), 'UTC') $$,
  $$ values (49::bigint, 48 * 3600::bigint, 3600::bigint) $$,
  'a check that still stands is kept until its hours are summed up, and no hour is counted again without its checks'
);

select is(
  (
    select string_agg(action, ' ' order by id) from public.agent_actions
    where agent = 'test'
  ),
  'young younger out of order its end', 'the audit trail keeps rows within retention and complete chains'
);

select * from finish();

rollback;
