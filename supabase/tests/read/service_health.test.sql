begin;

select plan(11);

select is(
  public.service_health()
  - array['overall', 'server_time', 'scheduler', 'judgement', 'sentry', 'notifications', 'audit_anchor']
  - array['schema_version', 'response_times'],
  '{"status": "ok", "version_problem": null, "is_kill_switch_on": false, "is_monitoring_on": true, "has_response_times": true}'::jsonb,
  'the database answers'
);

select ok(
  (public.service_health() ->> 'server_time')::timestamptz between now() and clock_timestamp(),
  'the answer contains the server time'
);

-- The row stays locked, so that the job notes no other run between the two reads.
update monitoring.job_runs
set ran_at = job_runs.ran_at
where job_runs.job = 'monitoring-health-checks';

select is(
  public.service_health() -> 'scheduler',
  (
    select jsonb_build_object('schedule', '* * * * *', 'is_active', true, 'last_run_at', ran_at) from monitoring.job_runs
    where job = 'monitoring-health-checks'
  ),
  'the answer contains the last run of the health checks'
);

update monitoring.job_runs
set succeeded_at = now() - interval '59 seconds'
where job = 'monitoring-judge-health-checks';

select is(
  public.service_health() -> 'judgement',
  jsonb_build_object('last_success_at', now() - interval '59 seconds', 'is_late', false),
  'the answer contains the last judgement'
);

update monitoring.job_runs
set ran_at = now() - interval '61 seconds', succeeded_at = null
where job = 'monitoring-judge-health-checks';

select is(
  public.service_health() -> 'judgement', '{"last_success_at": null, "is_late": true}',
  'the judgement is late when it has not succeeded for a minute since it was scheduled'
);

delete from public.monitoring_checks;

insert into public.monitoring_checks (
  target, target_type, scheduled_at, sent_at, answered_at, completed_at, status, response_time_ms, response_time_error_ms
)
select
  't' as target,
  'other' as target_type,
  now() - make_interval(secs => n) as scheduled_at,
  now() as sent_at,
  now() as answered_at,
  now() as completed_at,
  'up' as status,
  100 as response_time_ms,
  n as response_time_error_ms
from generate_series(1, 100) as n;

select is(
  public.service_health() -> 'response_times', '{"are_measured": true, "error_ms": 95}',
  'and how exact response times are'
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

select is(
  public.service_health() #> '{judgement,is_late}', 'false'::jsonb, 'then nothing is late'
);

select cron.unschedule('monitoring-health-checks');

select is(
  public.service_health() #> '{scheduler,schedule}', 'null'::jsonb,
  'a missing job is reported'
);

select * from finish();

rollback;
