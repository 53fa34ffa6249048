begin;

select plan(3);

update monitoring.job_runs
set ran_at = now();

create table public.test_others (id integer);

create function monitoring.test_theirs()
returns integer
language sql
as 'select 1';

select monitoring.schedule_jobs();

select cron.schedule('monitoring-of-others', '* * * * *', 'select 1');

select is_empty(
  $$ select name, sentence from public.check_installation() where result = 'failed' $$,
  'a table without row-level security and an open function of others are no failures'
);

select is(
  (
    select sentence from monitoring.check_jobs()
    where name = 'jobs'
  ),
  (select count(*) || ' jobs are scheduled and active.' from monitoring.expected_jobs()), 'a job of others is not counted'
);

grant execute on function monitoring.install() to anon;

select results_eq(
  $$ select result, sentence from monitoring.check_schema() where name = 'closed functions' $$,
  $$ values ('failed', 'Other roles may execute install.') $$,
  'an open function of ours is one'
);

select * from finish();

rollback;
