-- The http_status of an error has the same effect as a status code in its text.

begin;

select plan(8);

select
  is(
    format('%s %s %s', answer.severity, answer.category, answer.rule),
    sample.wanted,
    format('status %s', sample.http_status)
  )
from (
  values
  (502, 'CRITICAL backend bad_gateway'),
  (503, 'CRITICAL backend service_unavailable'),
  (504, 'HIGH infrastructure gateway_timeout'),
  (500, 'HIGH backend server_error_status'),
  (402, 'HIGH backend payment_failed_status'),
  (429, 'MEDIUM backend rate_limited_status'),
  (404, 'LOW backend not_found_status'),
  (403, 'MEDIUM security unmatched')
) as sample (http_status, wanted)
cross join lateral public.classify_error('x', http_status => sample.http_status) as answer;

select * from finish();

rollback;
