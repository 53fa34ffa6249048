-- Not found errors and missing images are LOW.

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
  ('GET /x 404', 'LOW backend not_found_status', 'server', null::text),
  ('HTTP error 404', 'LOW backend not_found_status', 'server', null),
  ('404 Client Error: Not Found for url: https://a.test/x', 'LOW backend not_found_status', 'server', null),
  ('Page not found', 'LOW backend not_found', 'server', null),
  ('GET https://a.test/logo.svg 404 (Not Found)', 'LOW frontend missing_file', 'browser', null),
  ('Image not found: /images/a.png', 'LOW backend missing_image', 'server', null),
  (
    'Failed to load resource: the server responded with a status of 404 ()',
    'LOW frontend not_found_status', 'browser', null
  ),
  ('Failed to pull image "a/b:1": not found', 'MEDIUM infrastructure unmatched', 'server', null)
) as sample (message, wanted, source, error_type)
cross join lateral public.classify_error(sample.message, sample.error_type, sample.source) as answer;

select * from finish();

rollback;
