begin;

select plan(11);

delete from cron.job_run_details;

update public.incidents
set
  status = 'resolved',
  resolved_at = clock_timestamp()
where
  fingerprint = 'health-check:judgement'
  and status <> 'resolved';

create function pg_temp.list_incidents() returns setof text
language sql
as $$
  select incidents.severity || ' ' || incidents.status
  from public.incidents
  where incidents.fingerprint = 'health-check:judgement'
    and incidents.status <> 'resolved'
$$;

create function pg_temp.set_success(job text, seconds_ago integer) returns void
language sql
as $$
  update monitoring.job_runs
  set succeeded_at = now() - make_interval(secs => set_success.seconds_ago)
  where job_runs.job = set_success.job
$$;

select monitoring.record_job_success('monitoring-watch-jobs');

select pg_temp.set_success('monitoring-judge-health-checks', 59);

select is(monitoring.watch_judgement(), 'quiet', 'a judgement within the last minute is in time');

select pg_temp.set_success('monitoring-judge-health-checks', 61);

select pg_temp.set_success('monitoring-watch-jobs', 200);

select is(
  monitoring.watch_judgement(), 'waiting', 'after a pause of pg_cron itself the judgement gets time until the next look'
);

select pg_temp.set_success('monitoring-watch-jobs', 60);

select is(
  monitoring.watch_judgement(),
  case when pg_postmaster_start_time() > now() - interval '1 minute' then 'waiting' else 'opened' end,
  'else it is an incident'
);

-- A stack of tests may have been started less than a minute ago.
select monitoring.open_job_incident('health-check:judgement', 'Health checks are not judged', 'started just now')
where not exists (select from pg_temp.list_incidents());

select results_eq('select * from pg_temp.list_incidents()', array['HIGH open'], 'of severity HIGH');

select is_empty(
  $$ select message from public.incidents
     where fingerprint = 'health-check:judgement' and status <> 'resolved' and message <> 'started just now'
       and message not like 'No judgement of health checks succeeded since % UTC: outages are not noticed, % No run of '
         'the job failed: it is missing, not active, or waits for a lock (see pg_stat_activity). Run select '
         'monitoring.judge_health_checks(); %' $$,
  'with the reason as far as it is known, and what to do'
);

select is(
  monitoring.find_last_failure('monitoring-judge-health-checks', now() + interval '1 second'), null,
  'a failure before the last success does not explain it'
);

select ok(monitoring.watch_judgement() in ('late', 'waiting'), 'another look opens no other');

select is(
  monitoring.overall_state(), case when monitoring.overall_state() = 'outage' then 'outage' else 'unknown' end,
  'meanwhile the state is unknown'
);

select pg_temp.set_success('monitoring-judge-health-checks', 1);

select is(monitoring.watch_judgement(), 'quiet', 'the next success');

select is_empty('select * from pg_temp.list_incidents()', 'resolves it');

update public.system_config
set value = value || '{"monitoring": false}'
where key = 'feature_flags';

select pg_temp.set_success('monitoring-judge-health-checks', 3600);

select is(monitoring.watch_judgement(), 'quiet', 'nothing is late while monitoring is off');

select * from finish();

rollback;
