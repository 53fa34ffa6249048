begin;

select plan(8);

-- As an agent that did not report the incidents: its outcomes count.
create function monitoring.test_report(fingerprint text)
returns text
language sql
set search_path = ''
as $$
  select public.report_error(jsonb_build_object(
    'error', jsonb_build_object('message', 'tap regression of ' || fingerprint), 'fingerprint', fingerprint, 'source', 'tap'
  )) ->> 'incident_id';
$$;

create temporary table seen on commit drop as
select
  monitoring.test_report('reopened') as reopened,
  monitoring.test_report('again') as former;

create temporary table fixes on commit drop as
select
  public.remember_fix('restart it', reopened) as of_reopened,
  public.remember_fix('restart it', former) as of_former
from seen;

create temporary table all_fixes on commit drop as
select unnest(array[of_reopened, of_former]) as id from fixes;

select public.resolve_incident(seen.reopened, 'restarted', fixes.of_reopened, true)
from seen, fixes;

select public.resolve_incident(seen.former, 'restarted', fixes.of_former, true)
from seen, fixes;

select results_eq(
  $$ select success_count, failure_count from public.error_knowledge
     where id in (select id from all_fixes) $$,
  $$ values (1, 0), (1, 0) $$, 'the fixes worked'
);

select public.reopen_incident(seen.reopened, 'by mistake')
from seen;

select public.resolve_incident(seen.reopened, 'it was resolved')
from seen;

select is(
  (
    select success_count from public.error_knowledge
    where id = (select of_reopened from fixes)
  ), 1, 'reopening by hand says nothing about the fix'
);

select is(monitoring.test_report('reopened'), reopened, 'the error comes back within the reopen window')
from seen;

select results_eq(
  $$ select success_count, failure_count from public.error_knowledge where id = (select of_reopened from fixes) $$,
  $$ values (0, 1) $$, 'a regression counts against the fix'
);

select results_eq(
  $$ select action, knowledge_id from public.agent_actions
     where incident_id = (select reopened from seen) order by id desc limit 1 $$,
  $$ select 'fix_regressed', of_reopened from fixes $$, 'and it is on the timeline'
);

-- The reopen window is over.
update public.incidents
set first_seen = now() - interval '40 days', last_seen = now() - interval '40 days', resolved_at = now() - interval '39 days'
where id = (select former from seen);

select isnt(monitoring.test_report('again'), former, 'the error comes back as a new incident')
from seen;

select results_eq(
  $$ select success_count, failure_count from public.error_knowledge where id = (select of_former from fixes) $$,
  $$ values (0, 1) $$, 'that counts against the fix, too'
);

-- Resolved without a fix, and again.
select public.resolve_incident(id, 'gone') from public.incidents
where context ->> 'fingerprint' in ('reopened', 'again') and source = 'tap' and status <> 'resolved';

select monitoring.test_report(name) from unnest(array['reopened', 'again']) as names (name);

select is(
  (
    select count(*) from public.agent_actions
    where action = 'fix_regressed' and knowledge_id in (select id from all_fixes)
  ), 2::bigint, 'each regression counts once'
);

select * from finish();

rollback;
