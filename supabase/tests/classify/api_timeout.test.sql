-- Responses that did not arrive in time; configured timeouts do not count.

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
  ('API request timed out after 30 s', 'HIGH backend api_request_timeout', 'server', null::text),
  ('timeout of 5000ms exceeded', 'HIGH infrastructure timeout_words', 'server', 'AxiosError'),
  ('context deadline exceeded', 'HIGH infrastructure timeout_words', 'server', null),
  ('java.net.SocketTimeoutException: Read timed out', 'HIGH infrastructure timeout_code', 'server', null),
  ('Gateway Timeout', 'HIGH infrastructure timeout_words', 'server', null),
  ('Request timeout set to 30 seconds', 'MEDIUM backend unmatched', 'server', null),
  ('[Violation] ''setTimeout'' handler took 312ms', 'MEDIUM frontend unmatched', 'browser', null),
  ('connection timeout: 30', 'MEDIUM infrastructure unmatched', 'server', null)
) as sample (message, wanted, source, error_type)
cross join lateral public.classify_error(sample.message, sample.error_type, sample.source) as answer;

select * from finish();

rollback;
