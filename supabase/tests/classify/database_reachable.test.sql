-- A failed statement shows that the database can be reached.

begin;

select plan(8);

select
  is(
    format('%s %s %s', answer.severity, answer.category, answer.rule),
    sample.wanted,
    format('%s: %s', sample.source, sample.message)
  )
from (
  values
  ('duplicate key value violates unique constraint "a_pkey"', 'MEDIUM database unmatched', 'server', null::text),
  ('canceling statement due to statement timeout', 'MEDIUM database statement_timeout', 'server', null),
  ('deadlock detected', 'MEDIUM database unmatched', 'server', null),
  ('new row violates row-level security policy for table "t"', 'MEDIUM database unmatched', 'browser', null),
  ('Lock wait timeout exceeded; try restarting transaction', 'MEDIUM database statement_timeout', 'server', null),
  ('relation "public.t" does not exist', 'MEDIUM database unmatched', 'server', null),
  ('connect ECONNREFUSED 10.0.0.7:8080', 'HIGH infrastructure socket_code', 'server', null),
  ('PGRST116: Cannot coerce the result to a single JSON object', 'MEDIUM database unmatched', 'server', null)
) as sample (message, wanted, source, error_type)
cross join lateral public.classify_error(sample.message, sample.error_type, sample.source) as answer;

select * from finish();

rollback;
