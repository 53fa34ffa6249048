-- Numbers that look like a status code but are not.

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
  ('order 5021 shipped', 'MEDIUM backend unmatched', 'server', null::text),
  ('took 404ms', 'MEDIUM backend unmatched', 'server', null),
  ('user 502 blinked', 'MEDIUM backend unmatched', 'server', null),
  ('worker on 10.0.0.1:503 started', 'MEDIUM backend unmatched', 'server', null),
  ('GET /products/502-bad-boy-sneakers 200', 'MEDIUM backend unmatched', 'server', null),
  ('area code 404', 'MEDIUM backend unmatched', 'server', null),
  ('got 503 items', 'MEDIUM backend unmatched', 'server', null),
  ('retry in 500 ms', 'MEDIUM backend unmatched', 'server', null)
) as sample (message, wanted, source, error_type)
cross join lateral public.classify_error(sample.message, sample.error_type, sample.source) as answer;

select * from finish();

rollback;
