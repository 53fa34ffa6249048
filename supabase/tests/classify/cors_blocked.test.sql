-- CORS errors in the wording of each browser; other rejections are not CORS errors.

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
  (
    'Access to fetch at ''https://a.test'' from origin ''https://b.test'' has been blocked by CORS policy',
    'CRITICAL frontend cors_blocked', 'browser', null::text
  ),
  (
    'Cross-Origin Request Blocked: The Same Origin Policy disallows reading the remote resource',
    'CRITICAL frontend cors_blocked', 'browser', null
  ),
  (
    'Fetch API cannot load https://a.test/ due to access control checks.',
    'CRITICAL frontend cors_blocked', 'browser', null
  ),
  (
    'Origin https://b.test is not allowed by Access-Control-Allow-Origin.',
    'CRITICAL frontend cors_blocked', 'browser', null
  ),
  ('Error: Not allowed by CORS', 'CRITICAL frontend cors_blocked', 'server', null),
  (
    'Refused to load the script ''https://a.test/x.js'' because it violates the Content Security Policy',
    'MEDIUM frontend unmatched', 'browser', null
  ),
  (
    'Mixed Content: The page at ''https://a.test/'' requested an insecure image',
    'MEDIUM frontend unmatched', 'browser', null
  ),
  ('CORS enabled for all origins', 'MEDIUM backend unmatched', 'server', null)
) as sample (message, wanted, source, error_type)
cross join lateral public.classify_error(sample.message, sample.error_type, sample.source) as answer;

select * from finish();

rollback;
