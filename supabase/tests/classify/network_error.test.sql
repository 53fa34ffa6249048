-- Hosts that could not be reached, resolved or kept connected.

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
  ('connect ECONNREFUSED 10.0.0.7:8080', 'HIGH infrastructure socket_code', 'server', null::text),
  ('getaddrinfo ENOTFOUND api.test', 'HIGH infrastructure socket_code', 'server', null),
  ('read ECONNRESET', 'HIGH infrastructure socket_code', 'server', null),
  ('Failed to load resource: net::ERR_NAME_NOT_RESOLVED', 'HIGH infrastructure browser_network_code', 'browser', null),
  ('Failed to fetch', 'HIGH infrastructure fetch_failed', 'browser', 'TypeError'),
  ('NetworkError when attempting to fetch resource.', 'HIGH infrastructure fetch_failed', 'browser', 'TypeError'),
  ('Load failed', 'HIGH infrastructure fetch_failed', 'browser', 'TypeError'),
  ('All candidate resources failed to load. Media load paused.', 'MEDIUM frontend unmatched', 'browser', null)
) as sample (message, wanted, source, error_type)
cross join lateral public.classify_error(sample.message, sample.error_type, sample.source) as answer;

select * from finish();

rollback;
