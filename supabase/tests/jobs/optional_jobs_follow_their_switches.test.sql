begin;

select plan(8);

create function monitoring.test_jobs()
returns text
language sql
set search_path = ''
as $$
  select coalesce(string_agg(job.jobname, ' ' order by job.jobname), 'none')
  from cron.job
  where job.jobname in ('monitoring-embed-knowledge', 'monitoring-watch-sentry')
$$;

-- Other tests of this database may have left deliveries that wait.
delete from monitoring.deliveries
where next_attempt_at is not null;

update public.system_config
set value = '{"email": false}'
where key = 'feature_flags';

update public.system_config
set value = '{}'
where key = 'incident_policy';

select is(monitoring.test_jobs(), 'none', 'by default neither runs');

update public.system_config
set value = '{"embeddings": true}'
where key = 'feature_flags';

select is(monitoring.test_jobs(), 'monitoring-embed-knowledge', 'the flag schedules the embeddings');

update public.system_config
set value = '{"feed_silence_hours": 6}'
where key = 'incident_policy';

select is(
  monitoring.test_jobs(), 'monitoring-embed-knowledge monitoring-watch-sentry', 'the hours schedule the watch over Sentry'
);

select monitoring.schedule_jobs();

select set_eq(
  $$ select jobname, schedule, command from cron.job where jobname like 'monitoring-%' $$,
  $$ select name, schedule, command from monitoring.expected_jobs() $$,
  'schedule_jobs() schedules what is expected'
);

update public.system_config
set value = '{}'
where key in ('feature_flags', 'incident_policy');

select is(monitoring.test_jobs(), 'none', 'without their switch they are unscheduled');

select monitoring.schedule_jobs();

select is(monitoring.test_jobs(), 'none', 'scheduling again does not bring them back');

select is_empty(
  $$ select from monitoring.list_jobs() where not is_optional and not is_needed $$, 'all other jobs are always needed'
);

update public.system_config
set value = '{"feed_silence_hours": 6}'
where key = 'incident_policy';

insert into monitoring.deliveries (resource, body_hash, sent_at, received_at, effect)
values ('issue', 'watch test', now() - interval '9 hours', clock_timestamp() - interval '7 hours', 'recorded');

delete from monitoring.deliveries
where received_at > clock_timestamp() - interval '6 hours';

select monitoring.check_sentry_feed();

update public.system_config
set value = '{}'
where key = 'incident_policy';

select is_empty(
  $$ select from public.incidents where fingerprint = 'sentry:feed' and status <> 'resolved' $$,
  'the incident of the silence is resolved with the switch, because no job would do it'
);

select * from finish();

rollback;
