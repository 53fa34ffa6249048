-- The database cannot be reached: refused, exhausted, shut down, lost.

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
  ('connect ECONNREFUSED 10.0.0.7:5432', 'CRITICAL database database_connection_refused', 'server', null::text),
  ('FATAL:  sorry, too many clients already', 'CRITICAL database database_connections_exhausted', 'server', null),
  ('the database system is shutting down', 'CRITICAL database database_not_accepting', 'server', null),
  ('server closed the connection unexpectedly', 'CRITICAL database database_connection_lost', 'server', null),
  ('SQLSTATE[HY000] [2002] Connection timed out', 'CRITICAL database database_connection_mysql_code', 'server', null),
  (
    'Can''t reach database server at `db`:`5432`',
    'CRITICAL database database_connect_failed', 'server', 'PrismaClientInitializationError'
  ),
  ('QueuePool limit of size 5 overflow 10 reached', 'CRITICAL database database_connections_exhausted', 'server', null),
  (
    'PGRST002: Could not query the database for the schema cache',
    'CRITICAL database database_connection_sqlstate', 'server', null
  )
) as sample (message, wanted, source, error_type)
cross join lateral public.classify_error(sample.message, sample.error_type, sample.source) as answer;

select * from finish();

rollback;
