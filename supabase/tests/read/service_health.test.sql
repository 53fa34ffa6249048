begin;

select plan(7);

select is(
  public.service_health()
  - array['overall', 'server_time', 'scheduler', 'sentry', 'notifications', 'audit_anchor', 'schema_version'],
  '{"status": "ok", "version_problem": null, "is_kill_switch_on": false, "is_monitoring_on": true, "has_response_times": true}'::jsonb,
  'the database answers'
);

select ok(
  (public.service_health() ->> 'server_time')::timestamptz between now() and clock_timestamp(),
  'the answer contains the server time'
);

select is(
  public.service_health() -> 'scheduler',
  (
    select jsonb_build_object('schedule', '* * * * *', 'is_active', true, 'last_run_at', ran_at) from monitoring.job_runs
    where job = 'monitoring-health-checks'
  ),
  'the answer contains the last run of the health checks'
);

select public.anchor_audit();

select is(
  public.service_health() -> 'audit_anchor', public.anchor_audit(), 'the answer contains the latest anchor of the audit trail'
);

update public.system_config
set value = '{"enabled": true}'
where key = 'kill_switch';

update public.system_config
set value = '{"monitoring": false}'
where key = 'feature_flags';

select is(
  public.service_health() -> 'is_kill_switch_on', 'true'::jsonb,
  'an enabled kill switch is reported'
);

select is(
  public.service_health() -> 'is_monitoring_on', 'false'::jsonb,
  'disabled monitoring is reported'
);

select cron.unschedule('monitoring-health-checks');

select is(
  public.service_health() #> '{scheduler,schedule}', 'null'::jsonb,
  'a missing job is reported'
);

select * from finish();

rollback;
