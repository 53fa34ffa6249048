-- The category of a 5xx: security, database or infrastructure when the text names it, else the reporting service.

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
  ('Login failed: 500', 'HIGH security server_error_status', 'server', null::text),
  ('Token refresh failed: 500 server_error', 'HIGH security server_error_status', 'server', null),
  ('500 - JWT_SECRET is not set', 'HIGH security server_error_status', 'server', null),
  ('Request failed with status code 500: duplicate key', 'HIGH database server_error_status', 'browser', null),
  ('received HTTP 503 from upstream', 'CRITICAL backend api_unavailable', 'server', null),
  ('All workers are busy (503)', 'CRITICAL backend service_unavailable', 'server', null),
  ('503: upstream connect error, reset before headers', 'CRITICAL infrastructure proxy_unavailable', 'server', null),
  ('502 Bad Gateway: container ran out of memory', 'CRITICAL infrastructure proxy_unavailable', 'server', null)
) as sample (message, wanted, source, error_type)
cross join lateral public.classify_error(sample.message, sample.error_type, sample.source) as answer;

select * from finish();

rollback;
