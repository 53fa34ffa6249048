begin;

select plan(28);

-- Live incidents of other tests must not count here.
update public.incidents
set status = 'resolved', resolved_at = clock_timestamp()
where status <> 'resolved';

delete from monitoring.target_states;

update public.system_config
set value = '[]'
where key = 'health_check_targets';

update monitoring.job_runs
set succeeded_at = now()
where job = 'monitoring-judge-health-checks';

select is(monitoring.overall_state(), 'no_targets', 'no_targets without targets and incidents');

update public.system_config
set value = '[{"name": "api", "type": "other", "url": "https://a.example", "enabled": false}]'
where key = 'health_check_targets';

select is(monitoring.overall_state(), 'no_targets', 'no_targets when none is enabled');

update public.system_config
set value = '[
  {"name": "api", "type": "other", "url": "https://a.example"}, {"name": "shop", "type": "other", "url": "https://b.example"}
]'
where key = 'health_check_targets';

select is(monitoring.overall_state(), 'unknown', 'unknown before the first round');

insert into monitoring.target_states (target, status, since)
values ('api', 'up', now()), ('shop', 'up', now());

delete from monitoring.job_runs
where job = 'monitoring-health-checks';

select is(monitoring.overall_state(), 'unknown', 'unknown when no round ever ran');

insert into monitoring.job_runs (job, ran_at)
values ('monitoring-health-checks', now() - interval '2 minutes');

select is(monitoring.overall_state(), 'operational', 'operational when all targets are up');

update monitoring.target_states set status = 'degraded'
where target = 'shop';

select is(monitoring.overall_state(), 'degraded', 'degraded with a degraded target');

update monitoring.target_states set status = 'disputed'
where target = 'shop';

select is(monitoring.overall_state(), 'degraded', 'degraded with a disputed target');

update monitoring.target_states set status = 'down'
where target = 'api';

select is(monitoring.overall_state(), 'outage', 'outage with a target that is down');

update monitoring.job_runs set succeeded_at = now() - interval '61 seconds'
where job = 'monitoring-judge-health-checks';

select is(monitoring.overall_state(), 'outage', 'an outage that is known stays one when nothing is judged');

update monitoring.target_states set status = 'degraded'
where target = 'api';

select is(monitoring.overall_state(), 'unknown', 'unknown when nothing was judged for a minute');

update monitoring.job_runs set succeeded_at = now() + interval '61 seconds'
where job = 'monitoring-judge-health-checks';

select is(monitoring.overall_state(), 'unknown', 'so it is when the clock was set back since');

update monitoring.job_runs set succeeded_at = now() - interval '59 seconds'
where job = 'monitoring-judge-health-checks';

select is(monitoring.overall_state(), 'degraded', 'until then the state of the last round counts');

update monitoring.target_states set status = 'down', paused_at = now(), pause_reason = 'r'
where target = 'api';

update monitoring.target_states set status = 'up'
where target = 'shop';

select is(monitoring.overall_state(), 'operational', 'a target that the health checks paused does not count');

update monitoring.target_states set paused_at = null, pause_reason = null
where target = 'api';

update monitoring.probe_targets set is_paused = true, paused_until = now() + interval '1 minute'
where name = 'api';

select is(monitoring.overall_state(), 'operational', 'nor one that its owner paused');

update monitoring.probe_targets set paused_until = now()
where name = 'api';

select is(monitoring.overall_state(), 'outage', 'until the pause is over');

update public.system_config
set
  value = value || jsonb_build_object(
    'maintenance_windows',
    jsonb_build_array(jsonb_build_object(
      'starts_at', to_char((now() at time zone 'UTC') - interval '1 hour', 'YYYY-MM-DD"T"HH24:MI'),
      'ends_at', to_char((now() at time zone 'UTC') + interval '1 hour', 'YYYY-MM-DD"T"HH24:MI')
    ))
  )
where key = 'health_check_policy';

select is(monitoring.overall_state(), 'operational', 'operational when that target is in maintenance');

update monitoring.target_states set status = 'unknown';

select is(monitoring.overall_state(), 'unknown', 'unknown when no target answered');

update monitoring.target_states set status = 'up';

insert into public.incidents (id, fingerprint, title, message, severity, category, rule)
values ('INC-1', 'overall', 't', 'm', 'HIGH', 'backend', 'r');

select is(monitoring.overall_state(), 'degraded', 'degraded with an open HIGH incident');

update public.incidents set severity = 'CRITICAL'
where id = 'INC-1';

select is(monitoring.overall_state(), 'degraded', 'degraded with a CRITICAL incident that somebody reported');

update public.incidents set sender = 'sentry'
where id = 'INC-1';

select is(monitoring.overall_state(), 'degraded', 'Sentry reports what others sent to it');

update public.incidents set sender = 'health-check'
where id = 'INC-1';

select is(monitoring.overall_state(), 'outage', 'outage with a CRITICAL incident of the health checks');

select is(public.service_health() ->> 'overall', 'outage', 'service_health contains the state');

update public.incidents set fingerprint = 'health-check:certificate:api'
where id = 'INC-1';

select is(monitoring.overall_state(), 'degraded', 'a certificate that expires within a day is no outage yet');

update public.incidents set fingerprint = 'overall'
where id = 'INC-1';

update public.incidents set has_manual_severity = true
where id = 'INC-1';

select is(monitoring.overall_state(), 'degraded', 'a severity that was set by hand is no observation');

update public.incidents
set
  has_manual_severity = false,
  first_seen = now() - interval '1 minute',
  last_seen = now() - interval '1 minute',
  status = 'resolved',
  resolved_at = now()
where id = 'INC-1';

select public.reopen_incident('INC-1', 'it looks down');

select is(monitoring.overall_state(), 'degraded', 'nor is an incident that was reopened by hand');

update public.incidents set last_seen = now()
where id = 'INC-1';

select is(monitoring.overall_state(), 'outage', 'until the health checks see it again');

update public.incidents
set status = 'suppressed', suppressed_until = now() + interval '1 hour'
where id = 'INC-1';

select is(monitoring.overall_state(), 'operational', 'a suppressed incident does not count');

update monitoring.job_runs set ran_at = now() - interval '4 minutes'
where job = 'monitoring-health-checks';

select is(monitoring.overall_state(), 'unknown', 'unknown when rounds have stopped');

select * from finish();

rollback;
