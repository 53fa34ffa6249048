-- Exceeded rate limits; configured limits do not count.

begin;

select plan(12);

select
  is(
    format('%s %s %s', answer.severity, answer.category, answer.rule),
    sample.wanted,
    format('%s: %s', sample.source, sample.message)
  )
from (
  values
  ('429 Too Many Requests', 'MEDIUM backend rate_limited_status', 'server', null::text),
  ('API rate limit exceeded for user 1', 'MEDIUM backend rate_limited', 'server', null),
  ('ThrottlingException: Rate exceeded', 'MEDIUM backend rate_limited_code', 'server', null),
  ('email rate limit exceeded', 'MEDIUM backend rate_limited', 'server', null),
  ('limiting requests, excess: 20.3 by zone "one"', 'MEDIUM infrastructure rate_limited', 'server', null),
  ('reject=421 4.3.2 Connection rate limit exceeded.', 'MEDIUM infrastructure rate_limited', 'server', null),
  ('relation "rate_limits" does not exist', 'MEDIUM database unmatched', 'server', null),
  ('Could not parse the rate_limit header', 'MEDIUM backend unmatched', 'server', null),
  ('Unable to write: Disk quota exceeded', 'MEDIUM infrastructure unmatched', 'server', null),
  ('Firebase: try again later (auth/too-many-requests).', 'MEDIUM security rate_limited_code', 'browser', null),
  ('Too many failed login attempts', 'MEDIUM security rate_limited', 'server', null),
  ('INFO rate limit configured: 100 per minute', 'LOW backend fallback_level_info', 'server', null)
) as sample (message, wanted, source, error_type)
cross join lateral public.classify_error(sample.message, sample.error_type, sample.source) as answer;

select * from finish();

rollback;
