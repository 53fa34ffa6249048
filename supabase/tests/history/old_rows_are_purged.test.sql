begin;

select plan(4);

delete from public.monitoring_checks;

delete from private.target_hours;

insert into public.monitoring_checks (target, target_type, url, status, scheduled_at, completed_at)
values
('api', 'backend', 'https://a.example/', 'up', now() - interval '91 days', now()),
('api', 'backend', 'https://a.example/', 'up', now() - interval '89 days', now());

insert into public.agent_actions (agent, action, created_at)
values ('test', 'old', now() - interval '400 days'), ('test', 'young', now() - interval '300 days');

delete from private.sentry_deliveries;

insert into private.sentry_deliveries (resource, body_hash, sent_at, effect, received_at)
values ('issue', 'h', now(), 'recorded', now() - interval '31 days'), ('issue', 'h', now(), 'recorded', now());

select is(
  private.purge_history() - 'job_runs' - 'agent_actions',
  '{"monitoring_checks": 1, "target_hours": 0, "sentry_deliveries": 1}'::jsonb,
  'what outlived its retention goes'
);

select is((select count(*) from public.monitoring_checks), 1::bigint, 'the younger check stays');

select is(
  (select sum(checks) from private.target_hours), 2::bigint, 'both were rolled up before'
);

select is(
  (
    select string_agg(action, ' ') from public.agent_actions
    where agent = 'test'
  ),
  'young', 'the audit trail keeps what it must'
);

select * from finish();

rollback;
