begin;

select plan(8);

update monitoring.job_runs
set ran_at = now();

delete from monitoring.service_versions;

select is(
  (
    select string_agg(name, ', ') from public.check_installation()
    where result = 'failed'
  ), null,
  'a complete installation passes'
);

select is(monitoring.try_write(), null, 'a row can be written');

select is_empty($$ select from monitoring.service_versions where length(version) = 36 $$, 'the row was undone');

select results_eq(
  $$ select (monitoring.installation_check_of('n', is_well, 's', 'r', is_needed)).*
     from (values (true, true), (false, false), (false, true), (null, true)) as states (is_well, is_needed) $$,
  $$ values ('n', 'ok', 's', null), ('n', 'warning', 's', 'r'), ('n', 'failed', 's', 'r'), ('n', 'failed', 's', 'r') $$,
  'a remedy is named unless the check is ok'
);

insert into monitoring.service_versions (version)
values ('99.0.0');

select results_eq(
  $$ select result, sentence from monitoring.check_server() where name = 'versions' $$,
  $$ values (
       'warning',
       'The schema has version ' || monitoring.schema_version()
       || '; a service of version 99.0.0 called in the last 10 minutes.'
     ) $$,
  'a service of another version is named'
);

select cron.unschedule('monitoring-health-checks');

revoke execute on function public.ingest_events(jsonb) from service_role;

delete from monitoring.running_actions;

delete from monitoring.action_kinds;

select results_eq(
  $$ select name, result from (
       select * from monitoring.check_jobs()
       union all select * from monitoring.check_schema()
       union all select * from monitoring.check_rows()
     ) as checks where result <> 'ok' and name <> 'failed jobs' order by name $$,
  $$ values ('grants of the service', 'failed'), ('jobs', 'failed'), ('seeded rows', 'failed') $$,
  'what is missing is found'
);

select ok(
  (select bool_and(result in ('ok', 'warning')) from monitoring.check_activity()),
  'what need not be there yet is a warning'
);

set local transaction_read_only = on;

select is(
  monitoring.try_write(), 'cannot execute INSERT in a read-only transaction', 'a read-only database is named'
);

select * from finish();

rollback;
