-- Cache misses; a hit ratio does not count.

begin;

select plan(5);

select
  is(
    format('%s %s %s', answer.severity, answer.category, answer.rule),
    sample.wanted,
    format('%s: %s', sample.source, sample.message)
  )
from (
  values
  ('Cache miss for key: user_1', 'MEDIUM backend cache_miss', 'server', null::text),
  ('cache MISS GET /products/12', 'MEDIUM backend cache_miss', 'server', null),
  ('session 42 not found in cache', 'MEDIUM backend cache_miss', 'server', null),
  ('cache hit ratio 99.8%, misses 0.2%', 'LOW backend no_failure', 'server', null),
  ('instruction cache parity error corrected', 'LOW backend recovered', 'server', null)
) as sample (message, wanted, source, error_type)
cross join lateral public.classify_error(sample.message, sample.error_type, sample.source) as answer;

select * from finish();

rollback;
