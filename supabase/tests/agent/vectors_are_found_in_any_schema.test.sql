begin;

select plan(2);

select results_eq(
  'select monitoring.find_vector_schema()',
  $$
  select extnamespace::regnamespace::text
  from pg_catalog.pg_extension
  where extname = 'vector'
  $$,
  'the schema of the extension is found'
);

select is(monitoring.widen_vector_search(), true, 'the scan of the index continues until enough rows match filters');

select * from finish();

rollback;
