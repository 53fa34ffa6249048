begin;

select plan(6);

select is(
  public.service_health() - array['overall', 'server_time', 'scheduler', 'sentry'],
  '{"status": "ok", "is_kill_switch_on": false, "is_monitoring_on": true, "has_response_times": true}'::jsonb,
  'the database answers'
);

select ok(
  (public.service_health() ->> 'server_time')::timestamptz between now() and clock_timestamp(),
  'with its clock'
);

select is(
  public.service_health() -> 'scheduler',
  (
    select jsonb_build_object('schedule', '* * * * *', 'is_active', true, 'last_run_at', ran_at) from monitoring.job_runs
    where job = 'monitoring-health-checks'
  ),
  'and when the health checks last ran'
);

update public.system_config
set value = '{"enabled": true}'
where key = 'kill_switch';

update public.system_config
set value = '{"monitoring": false}'
where key = 'feature_flags';

select is(
  public.service_health() -> 'is_kill_switch_on', 'true'::jsonb,
  'a thrown kill switch is reported'
);

select is(
  public.service_health() -> 'is_monitoring_on', 'false'::jsonb,
  'monitoring that is switched off is reported'
);

select cron.unschedule('monitoring-health-checks');

select is(
  public.service_health() #> '{scheduler,schedule}', 'null'::jsonb,
  'a job that is gone is reported'
);

select * from finish();

rollback;
