-- Server errors; a cause in the text decides the category.

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
  ('500 Internal Server Error', 'HIGH backend server_error_status', 'server', null::text),
  ('Internal Server Error: SQLSTATE[42000]: Syntax error', 'HIGH database server_error', 'server', null),
  ('500 Internal Server Error: authentication failed', 'HIGH security server_error_status', 'server', null),
  ('{"statusCode":500,"message":"x"}', 'HIGH backend server_error_status', 'server', null),
  ('[GIN] 2024/01/01 - 12:00:00 | 500 | 1.2ms | ::1 | GET "/x"', 'HIGH backend server_error_status', 'server', null),
  ('Server returned 507', 'HIGH backend server_error_status', 'server', null),
  ('processed 500 records', 'MEDIUM backend unmatched', 'server', null),
  ('returned 500 rows', 'MEDIUM database unmatched', 'server', null)
) as sample (message, wanted, source, error_type)
cross join lateral public.classify_error(sample.message, sample.error_type, sample.source) as answer;

select * from finish();

rollback;
