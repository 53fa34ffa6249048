-- Errors of a page are in frontend, unless they report a response of a server.

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
  ('Text content does not match server-rendered HTML.', 'MEDIUM frontend unmatched', 'browser', null::text),
  ('Hydration failed', 'MEDIUM frontend unmatched', 'test', null),
  ('Request failed with status code 401', 'MEDIUM security unmatched', 'browser', 'AxiosError'),
  ('Request failed with status code 500', 'HIGH backend server_error_status', 'browser', 'AxiosError'),
  ('JWT expired', 'MEDIUM security unmatched', 'browser', null),
  ('duplicate key value violates unique constraint "a"', 'MEDIUM database unmatched', 'browser', null),
  ('Please select an item in the table', 'MEDIUM frontend unmatched', 'browser', null),
  ('401 Unauthorized', 'MEDIUM security unmatched', 'browser', null)
) as sample (message, wanted, source, error_type)
cross join lateral public.classify_error(sample.message, sample.error_type, sample.source) as answer;

select * from finish();

rollback;
