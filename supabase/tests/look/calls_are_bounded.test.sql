begin;

select plan(4);

select throws_ok(
  $$ select public.record_looks('{}') $$, 'PT400', 'looks must be a JSON array', 'results are a list'
);

select throws_ok(
  $$ select public.record_looks(null) $$, 'PT400', 'looks must be a JSON array', 'null is none'
);

select throws_ok(
  $$ select public.record_looks((select jsonb_agg(place) from generate_series(1, 101) as places (place))) $$,
  'PT413', 'looks holds more than 100 results', 'of at most 100'
);

select is(public.record_looks('[]'), '[]'::jsonb, 'an empty one has no answers');

select * from finish();

rollback;
