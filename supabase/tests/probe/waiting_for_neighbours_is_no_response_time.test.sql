begin;

select plan(4);

-- 100 responses arrive 20 ms after the beginning of a batch. Each is recorded in 4 ms, and the next one 1 ms later.
create temporary table burst as
with recursive recorded as (
  select
    1 as n,
    monitoring.continue_run(null, 0.020) as run
  union all
  select
    recorded.n + 1 as n,
    monitoring.continue_run(
      ((recorded.run).began, (recorded.run).ended + 0.004, (recorded.run).backlog_ms + 4)::monitoring.worker_run,
      (recorded.run).ended + 0.005
    ) as run
  from recorded
  where recorded.n < 100
)

select
  recorded.n,
  (recorded.run).ended * 1000 as at_ms,
  (recorded.run).backlog_ms as waited_ms,
  ((recorded.run).ended - (recorded.run).began) * 1000 as run_ms
from recorded;

select results_eq(
  $$ select n, at_ms, waited_ms, run_ms, at_ms - waited_ms from burst where n in (1, 2, 100) order by n $$,
  $$ values
     (1, 20.000, 0::numeric, 0.000, 20.000), (2, 25.000, 4.000, 5.000, 21.000), (100, 515.000, 396.000, 495.000, 119.000) $$,
  'responses that arrive together do not get the time of recording the others'
);

select results_eq(
  $$ select (monitoring.continue_run((1.000, 1.004, 4)::monitoring.worker_run, 1.004 + pause.ms / 1000)).backlog_ms
     from (values (0.0), (1.0), (2.0), (4.9), (5.0), (60000.0)) as pause (ms) $$,
  $$ values (4.0), (4.0), (3.0), (0.1), (0.0), (0.0) $$,
  'a pause of the worker is time for what waited'
);

select is(
  monitoring.continue_run((1.000, 1.004, 4)::monitoring.worker_run, 1.2), (1.2, 1.2, 0)::monitoring.worker_run,
  'after it another run begins'
);

-- The trigger keeps the run for the responses of its transaction.
insert into net._http_response (id, status_code, timed_out)
values (-1, 200, false), (-2, 200, false);

select ok(
  (current_setting('monitoring.worker_run')::monitoring.worker_run).backlog_ms > 0, 'the run goes on until the end of a batch'
);

select * from finish();

rollback;
