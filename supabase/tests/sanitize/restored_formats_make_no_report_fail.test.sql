-- Constraints hold where triggers do not run, as in a restored backup; a row that passes them and is wrong is left out.

begin;

select plan(6);

alter table monitoring.secret_formats disable trigger secret_formats_are_checked;

select
  throws_ok(
    format(
      'insert into monitoring.secret_formats (name, prefix, body, origin, example, counterexample) values (%L, %L, %L, %L, %L, %L)',
      wrong.name, wrong.prefix, wrong.body, wrong.origin, 'x', 'x'
    ),
    '23514', null, wrong.constraint_name
  )
from (
  values
  (' ', 'abc', 'a{20}', 'operator', 'name_is_a_short_line'),
  ('restored', 'ab', 'a{20}', 'operator', 'prefix_is_3_to_32_characters'),
  ('restored', 'abc', '(a+)+', 'operator', 'body_is_a_simple_expression'),
  ('restored', 'abc', 'a{20}', 'nobody', 'origin_is_known')
) as wrong (name, prefix, body, origin, constraint_name);

select throws_ok(
  $$ insert into monitoring.compiled_secret_formats (is_only_row, prefixes) values (false, 'a') $$,
  '23514', null, 'there_is_one_row'
);

insert into monitoring.secret_formats (name, prefix, body, example, counterexample)
values ('restored', 'restored_', '[z-a]{20,}', 'x', 'x');

select is(
  monitoring.sanitize_text('restored_' || repeat('a1', 20) || ' glsa_' || repeat('a1', 20), 4096),
  'restored_' || repeat('a1', 20) || ' [redacted]', 'an invalid row is left out, and the others count'
);

select * from finish();

rollback;
