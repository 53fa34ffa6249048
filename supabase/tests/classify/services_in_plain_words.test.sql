-- What applications write about a service that is away, in words of their own.

begin;

select plan(12);

select
  is(
    format('%s %s %s', answer.severity, answer.category, answer.rule),
    sample.wanted,
    sample.message
  )
from (
  values
  ('Database unavailable', 'CRITICAL database database_connect_failed'),
  ('All database connections are busy', 'CRITICAL database database_connections_exhausted'),
  ('Connection to PostgreSQL lost', 'CRITICAL database database_connection_refused'),
  ('Redis is not ready', 'CRITICAL database database_unreachable'),
  ('DB pool timeout after 30 s', 'CRITICAL database database_unreachable'),
  ('Account takeover confirmed', 'CRITICAL security security_breach'),
  ('Connection to the broker lost', 'HIGH infrastructure connection_lost'),
  ('Server unreachable', 'HIGH infrastructure connection_refused'),
  ('The job exceeded its timeout', 'HIGH infrastructure timeout_words'),
  ('Refund request was rejected', 'HIGH backend payment_declined'),
  ('Failed to fetch the profile: not found', 'MEDIUM backend unmatched'),
  ('Missing translation for "Payment failed"', 'MEDIUM backend unmatched')
) as sample (message, wanted)
cross join lateral public.classify_error(sample.message, null, 'server') as answer;

select * from finish();

rollback;
