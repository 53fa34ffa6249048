begin;

select plan(2);

update monitoring.job_runs
set ran_at = now();

create table public.test_others (id integer);

create function monitoring.test_theirs()
returns integer
language sql
as 'select 1';

select cron.alter_job(cron.schedule('monitoring-of-others', '* * * * *', 'select 1'), active := false);

select is_empty(
  $$ select name, sentence from public.check_installation() where result = 'failed' $$,
  'a table without row-level security, an open function and a job of others are no failures'
);

grant execute on function monitoring.install() to anon;

select results_eq(
  $$ select result, sentence from monitoring.check_schema() where name = 'closed functions' $$,
  $$ values ('failed', 'Other roles may execute install.') $$,
  'an open function of ours is one'
);

select * from finish();

rollback;
