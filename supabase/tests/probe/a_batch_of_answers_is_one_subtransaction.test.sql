begin;

select plan(3);

-- Keep the judgement from running meanwhile.
select pg_advisory_xact_lock(20261123, 1800);

update public.system_config
set
  value = (
    select jsonb_agg(jsonb_build_object('name', 't' || number, 'type', 'other', 'url', 'https://t.example/' || number))
    from generate_series(1, 30) as numbers (number)
  )
where key = 'health_check_targets';

select monitoring.start_round('2020-01-01 10:00+00');

-- PostgreSQL 15 does not show it.
create function monitoring.test_subtransactions()
returns integer
language plpgsql
set search_path = ''
as $$
declare
  v_count integer := 0;
begin
  if to_regprocedure('pg_catalog.pg_stat_get_backend_subxact(integer)') is not null then
    execute 'select subxact.subxact_count from pg_stat_get_backend_idset() as backend (id)'
      ' cross join lateral pg_stat_get_backend_subxact(backend.id) as subxact'
      ' where pg_stat_get_backend_pid(backend.id) = pg_backend_pid()'
      into v_count;
  end if;
  return v_count;
end
$$;

select pg_stat_clear_snapshot();

create temporary table before_answers as
select monitoring.test_subtransactions() as count;

insert into net._http_response (id, status_code, content, timed_out, created)
select
  probes.request_id,
  200 as status_code,
  'ok' as content,
  false as timed_out,
  clock_timestamp() as created
from monitoring.probes
order by probes.id;

select pg_stat_clear_snapshot();

select cmp_ok(
  monitoring.test_subtransactions() - before_answers.count, '<=', 1,
  'the answers of a batch need no subtransactions of their own'
) from before_answers;

select is(
  (
    select count(*) from monitoring.probes
    where answered_at is not null
  ), 30::bigint, 'all are recorded'
);

-- One that ended the worker once.
select monitoring.start_round('2020-01-01 10:01+00');

update monitoring.awaited_checks
set worker_restarts = 1;

alter table monitoring.probes add constraint poisoned check (http_status <> 418) not valid;

select lives_ok(
  $$
    insert into net._http_response (id, status_code, content, timed_out, created)
    select probes.request_id, 418, 'ok', false, clock_timestamp()
    from monitoring.probes
    where probes.answered_at is null
  $$, 'an answer after a restart of the worker is written under guard, although others were written before'
);

select * from finish();

rollback;
