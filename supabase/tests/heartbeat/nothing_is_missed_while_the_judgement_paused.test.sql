begin;

select plan(6);

-- Incidents of other tests are renamed, so that they are neither reused nor counted.
update public.incidents
set fingerprint = id, source = 'another test'
where source = 'health-check';

update public.system_config
set value = '[
  {"name": "backup", "type": "heartbeat", "period_minutes": 60, "depends_on": "database"},
  {"name": "database", "type": "database", "url": "https://a.example"},
  {"name": "sync", "type": "heartbeat", "period_minutes": 60}
]'
where key = 'health_check_targets';

select public.record_heartbeat(target, 'ok') from unnest(array['backup', 'sync']) as targets (target);

select is(monitoring.judge_heartbeats(now() - interval '10 minutes'), 2, 'both are up');

update monitoring.heartbeats set next_expected_at = now() - interval '6 minutes';

select is(monitoring.mark_late_heartbeats(now()), 0::bigint, 'after a pause what waits in the spool has time to arrive');

update monitoring.heartbeats set excused_until = now() - interval '1 second';

update monitoring.target_states set last_check_at = now() - interval '1 minute';

insert into monitoring.target_states (target, since, status) values ('database', now(), 'down');

select is(monitoring.judge_heartbeats(now()), 2, 'later both are missed');

select results_eq(
  $$ select fingerprint from public.incidents where source = 'health-check' $$,
  $$ values ('health-check:target:sync') $$, 'a heartbeat whose cause is known opens no incident'
);

update public.system_config
set value = '[{"name": "sync", "type": "heartbeat", "cron": "@daily"}]'
where key = 'health_check_targets';

select monitoring.restart_heartbeats(now());

select results_eq(
  $$ select status::text, resolution from public.incidents where source = 'health-check' $$,
  $$ values ('resolved', 'The heartbeat has a new schedule and waits for its next time.') $$,
  'a new schedule ends what the old one missed'
);

select is(
  monitoring.describe_moment('2026-01-02 03:04:05+00'), '2026-01-02 03:04 UTC', 'times are in UTC, to the minute'
);

select * from finish();

rollback;
