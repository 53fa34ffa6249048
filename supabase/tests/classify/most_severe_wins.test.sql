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
    'CRITICAL database database_connection_refused', 'server', null::text
  ),
  ('429 from the API, then 502 Bad Gateway', 'CRITICAL backend api_unavailable_words', 'server', null),
  ('TypeError: x is deprecated and timed out', 'HIGH infrastructure timeout_words', 'server', null),
  ('WARN slow query, then 500 Internal Server Error: deadlock', 'HIGH database server_error_status', 'server', null),
  ('Data breach detected after 404', 'CRITICAL security security_breach', 'server', null),
  ('PGRST301: 503 Service Unavailable', 'CRITICAL database database_unavailable', 'server', null)
) as sample (message, wanted, source, error_type)
cross join lateral public.classify_error(sample.message, sample.error_type, sample.source) as answer;

select * from finish();

rollback;
