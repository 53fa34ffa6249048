begin;

select plan(7);

-- Optional jobs that other tests needed are scheduled until the configuration changes, or for an hour.
select monitoring.schedule_optional_jobs();

create temporary view our_jobs as
select jobid
from cron.job
where jobname like 'monitoring-%';

create temporary table complete as
select
  (select count(*) from monitoring.config_field) as fields,
  (select count(*) from monitoring.action_kinds) as kinds,
  (select count(*) from pg_temp.our_jobs) as jobs;

select ok(fields > 50 and kinds > 5 and jobs >= 10, 'a push has installed everything') from complete;

-- What a squashed migration leaves: the schema without its rows, jobs and publication.
delete from monitoring.config_field
where entry in ('retention', 'health_check_targets', 'kill_switch');

delete from monitoring.running_actions;

delete from monitoring.action_kinds
where kind <> 'notify';

update monitoring.action_kinds
set meaning = 'edited'
where kind = 'notify';

truncate monitoring.job_runs;

select cron.unschedule(jobid) from pg_temp.our_jobs;

alter publication supabase_realtime drop table public.incidents;

update public.system_config
set value = '{"enabled": true, "reason": "edited"}'
where key = 'kill_switch';

select lives_ok('select monitoring.install()', 'install() succeeds');

select lives_ok('select monitoring.install()', 'install() can be repeated');

select results_eq(
  $$
  select
    (select count(*) from monitoring.config_field),
    (select count(*) from monitoring.action_kinds),
    (select count(*) from pg_temp.our_jobs)
  $$,
  'select fields, kinds, jobs from complete',
  'the missing rows and jobs are back'
);

select results_eq(
  $$ select meaning from monitoring.action_kinds where kind = 'notify' $$,
  $$ values ('edited') $$,
  'a row that exists is not changed'
);

select is(monitoring.is_kill_switch_on(), true, 'the configuration is not changed');

select results_eq(
  $$
  select tablename::text collate "default" from pg_catalog.pg_publication_tables
  where pubname = 'supabase_realtime' and schemaname = 'public' order by tablename
  $$,
  $$ values ('agent_actions'), ('incidents') $$,
  'the tables are published again'
);

select * from finish();

rollback;
