-- TypeError in the wording of each browser.

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
  ('Cannot read properties of undefined (reading ''map'')', 'HIGH frontend type_error_page', 'browser', null::text),
  ('Cannot read property ''x'' of null', 'HIGH frontend type_error_page', 'browser', null),
  ('undefined is not an object (evaluating ''a.b'')', 'HIGH frontend type_error_page', 'browser', null),
  ('can''t access property "x", a is undefined', 'HIGH frontend type_error_page', 'browser', null),
  ('x is null', 'HIGH frontend undefined_name_page', 'browser', null),
  ('a.map is not a function', 'HIGH frontend type_error_page', 'sentry', null),
  ('Unable to get property ''x'' of undefined or null reference', 'HIGH frontend type_error_words', 'browser', null),
  ('Unexpected token <', 'MEDIUM frontend unmatched', 'browser', 'SyntaxError')
) as sample (message, wanted, source, error_type)
cross join lateral public.classify_error(sample.message, sample.error_type, sample.source) as answer;

select * from finish();

rollback;
