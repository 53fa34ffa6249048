-- With several signals the most severe one decides, and the category follows it.

begin;

select plan(6);

select
  is(
    format('%s %s %s', answer.severity, answer.category, answer.rule),
    sample.wanted,
    format('%s: %s', sample.source, sample.message)
  )
from (
  values
  (
    'Cache miss, then ECONNREFUSED 10.0.0.7:5432',
    'CRITICAL database database_connection_failed', 'server', null::text
  ),
  ('429 from the API, then 502 Bad Gateway', 'CRITICAL backend bad_gateway', 'server', null),
  ('TypeError: x is deprecated and timed out', 'HIGH infrastructure api_timeout', 'server', null),
  ('WARN slow query, then 500 Internal Server Error: deadlock', 'HIGH database server_error', 'server', null),
  ('Data breach detected after 404', 'CRITICAL security security_breach', 'server', null),
  ('PGRST301: 503 Service Unavailable', 'CRITICAL database service_unavailable', 'server', null)
) as sample (message, wanted, source, error_type)
cross join lateral public.classify_error(sample.message, sample.error_type, sample.source) as answer;

select * from finish();

rollback;
