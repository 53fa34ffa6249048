begin;

select plan(4);

select is(monitoring.read_excerpt('plain'::bytea), 'plain', 'text stays');

select is(monitoring.read_excerpt('\xfffe41'::bytea), '\377\376A', 'bytes that are no UTF-8 become escapes');

select is(
  right(monitoring.read_excerpt(convert_to(repeat('x', 999) || 'äöü', 'UTF8')), 3), 'xxx',
  'a character is not cut in two'
);

select is(monitoring.read_excerpt(''::bytea), '', 'nothing stays nothing');

select * from finish();

rollback;
