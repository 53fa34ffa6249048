-- 502 and 503, by status code or wording; the service in the text decides the category.

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
  ('Request failed with status code 502', 'CRITICAL backend api_unavailable', 'server', null::text),
  ('HTTP/1.1 503 Service Unavailable', 'CRITICAL backend api_unavailable', 'server', null),
  (
    'upstream connect error or disconnect/reset before headers',
    'CRITICAL infrastructure proxy_unavailable_words', 'server', null
  ),
  ('nginx: no live upstreams while connecting to upstream', 'CRITICAL infrastructure proxy_unavailable_words', 'server', null),
  (
    '::1 - - [10/Oct/2023:13:55:36 +0000] "GET /x HTTP/1.1" 502 166',
    'CRITICAL backend api_unavailable', 'server', null
  ),
  (
    'Failed to load resource: the server responded with a status of 503 ()',
    'CRITICAL frontend service_unavailable', 'browser', null
  ),
  (
    'Readiness probe failed: HTTP probe failed with statuscode: 503',
    'CRITICAL infrastructure proxy_unavailable', 'server', null
  ),
  ('504 Gateway Time-out', 'HIGH infrastructure gateway_timeout', 'server', null)
) as sample (message, wanted, source, error_type)
cross join lateral public.classify_error(sample.message, sample.error_type, sample.source) as answer;

select * from finish();

rollback;
