begin;

select plan(12);

-- What other tests left live is set aside.
update public.incidents
set status = 'resolved', resolved_at = clock_timestamp()
where status <> 'resolved';

delete from monitoring.target_states;

delete from monitoring.job_runs;

select is(monitoring.overall_state(), 'operational', 'without targets and incidents all is well');

insert into monitoring.target_states (target, status, since)
values ('api', 'up', now()), ('shop', 'up', now());

select is(monitoring.overall_state(), 'unknown', 'targets whose rounds never ran prove nothing');

insert into monitoring.job_runs (job, ran_at)
values ('monitoring-health-checks', now() - interval '2 minutes');

select is(monitoring.overall_state(), 'operational', 'with rounds and all up, all is well');

update monitoring.target_states set status = 'degraded'
where target = 'shop';

select is(monitoring.overall_state(), 'degraded', 'a slow target degrades');

update monitoring.target_states set status = 'down'
where target = 'api';

select is(monitoring.overall_state(), 'outage', 'a target that is down is an outage');

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

select is(monitoring.overall_state(), 'operational', 'in maintenance it is not');

update monitoring.target_states set status = 'unknown';

select is(monitoring.overall_state(), 'unknown', 'if no target answered, nothing is known');

update monitoring.target_states set status = 'up';

insert into public.incidents (id, fingerprint, title, message, severity, category, rule)
values ('INC-1', 'overall', 't', 'm', 'HIGH', 'backend', 'r');

select is(monitoring.overall_state(), 'degraded', 'an open HIGH incident degrades');

update public.incidents set severity = 'CRITICAL'
where id = 'INC-1';

select is(monitoring.overall_state(), 'outage', 'an open CRITICAL one is an outage');

select is(public.service_health() ->> 'overall', 'outage', 'the service is told');

update public.incidents
set status = 'suppressed', suppressed_until = now() + interval '1 hour'
where id = 'INC-1';

select is(monitoring.overall_state(), 'operational', 'a suppressed one is not');

update monitoring.job_runs set ran_at = now() - interval '4 minutes'
where job = 'monitoring-health-checks';

select is(monitoring.overall_state(), 'unknown', 'when the rounds stand still, nothing is known');

select * from finish();

rollback;
