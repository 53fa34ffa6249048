-- ReferenceError, TypeError on a server, and similar wording that is neither.

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
  ('process is not defined', 'HIGH frontend undefined_name_page', 'browser', 'ReferenceError'),
  ('Can''t find variable: gtag', 'HIGH frontend type_error_page', 'browser', null),
  ('unsupported operand type(s) for +: ''int'' and ''str''', 'HIGH backend type_error_words', 'server', null),
  ('''NoneType'' object is not subscriptable', 'HIGH backend type_error_words', 'sentry', null),
  ('Cannot read properties of undefined (reading ''id'')', 'HIGH backend type_error_words', 'server', null),
  ('''NoneType'' object has no attribute ''x''', 'MEDIUM backend unmatched', 'server', 'AttributeError'),
  ('DATABASE_URL is not defined in the settings of this service', 'MEDIUM backend unmatched', 'server', null),
  ('Unit test "throws TypeError" passed', 'LOW backend tests_passed', 'server', null)
) as sample (message, wanted, source, error_type)
cross join lateral public.classify_error(sample.message, sample.error_type, sample.source) as answer;

select * from finish();

rollback;
