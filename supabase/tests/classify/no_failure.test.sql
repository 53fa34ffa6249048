-- Successes, recoveries, negations and counters at zero.

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
  ('Reconnected to database after error', 'LOW database recovered', 'server', null::text),
  ('database system is ready to accept connections', 'LOW database recovered', 'server', null),
  ('Database connection restored after 12 failed attempts', 'LOW database recovered', 'server', null),
  ('error_count=0 warning_count=0 status=ok', 'LOW backend no_failure', 'server', null),
  ('120 passed, 0 failed', 'LOW backend no_failure', 'server', null),
  ('No errors found in 500 files', 'LOW backend no_failure', 'server', null),
  ('connection was not restored: ECONNRESET', 'HIGH infrastructure socket_code', 'server', null),
  ('Query result: success=false, statement timeout', 'MEDIUM database statement_timeout', 'server', null)
) as sample (message, wanted, source, error_type)
cross join lateral public.classify_error(sample.message, sample.error_type, sample.source) as answer;

select * from finish();

rollback;
