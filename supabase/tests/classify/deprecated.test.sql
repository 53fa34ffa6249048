-- Deprecation warnings.

begin;

select plan(4);

select
  is(
    format('%s %s %s', answer.severity, answer.category, answer.rule),
    sample.wanted,
    format('%s: %s', sample.source, sample.message)
  )
from (
  values
  (
    '(node:1) [DEP0040] DeprecationWarning: The `punycode` module is deprecated.',
    'MEDIUM backend deprecated', 'server', null::text
  ),
  ('Unload event listeners are deprecated and will be removed.', 'MEDIUM frontend deprecated', 'browser', null),
  (
    'componentWillMount has been renamed, and is not recommended for use.',
    'MEDIUM frontend deprecated', 'browser', null
  ),
  ('WARN: option x is deprecated', 'MEDIUM backend deprecated', 'server', null)
) as sample (message, wanted, source, error_type)
cross join lateral public.classify_error(sample.message, sample.error_type, sample.source) as answer;

select * from finish();

rollback;
