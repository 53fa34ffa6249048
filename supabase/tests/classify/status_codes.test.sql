-- Contexts in which a number is a status code.

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
  ('HTTP 502', 'CRITICAL backend bad_gateway', 'server', null::text),
  ('status code 503', 'CRITICAL backend api_unavailable', 'server', null),
  ('http_status=500', 'HIGH backend server_error_status', 'server', null),
  ('error code: 502', 'CRITICAL backend bad_gateway', 'server', null),
  ('Bad answer (HTTP 500)', 'HIGH backend server_error_status', 'server', null),
  ('6 requests to /x resulted in 503 errors', 'CRITICAL backend api_unavailable', 'server', null),
  ('[24/Jan/2022:16:51:02 +0000] - 404 404 - GET http a.test "/x"', 'LOW backend not_found_status', 'server', null),
  (
    'reject: RCPT from a[1.2.3.4]: 504 5.5.2 <User>: Helo command rejected',
    'MEDIUM infrastructure unmatched', 'server', null
  )
) as sample (message, wanted, source, error_type)
cross join lateral public.classify_error(sample.message, sample.error_type, sample.source) as answer;

select * from finish();

rollback;
