-- Slow queries in the wording of each database.

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
  ('duration: 4079.697 ms  execute a2: SELECT 1', 'MEDIUM database slow_duration', 'server', null::text),
  ('# Query_time: 3.034012  Lock_time: 0.000000', 'MEDIUM database slow_query', 'server', null),
  ('Slow query: SELECT * FROM t took 4.2s', 'MEDIUM database slow_query', 'server', null),
  ('{"c":"COMMAND","msg":"Slow query","attr":{"ns":"a.b"}}', 'MEDIUM database slow_query', 'server', null),
  ('Slow request: GET /x', 'MEDIUM backend slow_request', 'server', null),
  ('duration: 12.500 ms', 'MEDIUM backend unmatched', 'server', null),
  ('slow cooker recipes indexed', 'MEDIUM backend unmatched', 'server', null),
  ('slow query log enabled', 'MEDIUM database unmatched', 'server', null)
) as sample (message, wanted, source, error_type)
cross join lateral public.classify_error(sample.message, sample.error_type, sample.source) as answer;

select * from finish();

rollback;
