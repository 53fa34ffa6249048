begin;

select plan(7);

select is(monitoring.read_severity('critical'), 'CRITICAL', 'a severity may be lower case');

select is(monitoring.read_severity(' High '), 'HIGH', 'or mixed, with spaces around it');

select is(monitoring.read_category('DATABASE'), 'database', 'a category may be upper case');

select is(
  coalesce(monitoring.read_severity(null)::text, monitoring.read_category(' ')::text), null,
  'a missing or blank argument names nothing'
);

select throws_ok(
  $$ select monitoring.read_severity('urgent') $$, 'PT400', 'severity is unknown', 'another word is refused'
);

select throws_ok(
  $$ select monitoring.read_category('sk_live_1234') $$, 'PT400', 'category is unknown',
  'the refusal does not quote the argument'
);

select is(
  monitoring.read_choice('kind', 'ROLLBACK', array['deploy', 'rollback']), 'rollback',
  'any list of choices can be read so'
);

select * from finish();

rollback;
