begin;

select plan(4);

select is(
  monitoring.build_error_title('x is not a function', 'TypeError'), 'TypeError: x is not a function',
  'the type precedes the message'
);

select is(
  monitoring.build_error_title('TypeError: x is not a function', 'TypeError'), 'TypeError: x is not a function',
  'a type in the message is not repeated'
);

select is(
  monitoring.build_error_title(E'first line\nsecond line', null), 'first line',
  'only the first line is used'
);

select is(
  length(monitoring.build_error_title(repeat('m', 500), 'T')), 200,
  'a title has 200 characters at most'
);

select * from finish();

rollback;
