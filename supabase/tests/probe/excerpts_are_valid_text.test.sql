begin;

select plan(4);

select is(monitoring.read_excerpt('plain'::bytea), 'plain', 'valid text is unchanged');

select is(monitoring.read_excerpt('\xfffe41'::bytea), '\377\376A', 'bytes that are not UTF-8 become escapes');

select is(
  right(monitoring.read_excerpt(convert_to(repeat('x', 999) || 'äöü', 'UTF8')), 3), 'xxx',
  'a character is not split'
);

select is(monitoring.read_excerpt(''::bytea), '', 'null gives null');

select * from finish();

rollback;
