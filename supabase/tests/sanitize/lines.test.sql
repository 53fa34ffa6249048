begin;

select plan(6);

select results_eq(
  $$ select monitoring.join_lines(value) from unnest(array[
       e' a\nb\r\nc\td ', e'a\u2028b\u2029c\u0085d', e'in\u202evoice\u2066.\u2069exe\u200b', 'Zürich', 'plain', e'\u202e'
     ]) as value $$,
  $$ values ('a b  c d'), ('a b c d'), ('invoice.exe'), ('Zürich'), ('plain'), ('') $$,
  'line breaks become spaces, characters that hide or turn text are removed'
);

select is(
  monitoring.join_lines(e'\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645 👨\u200d👩'), e'\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645 👨\u200d👩',
  'the joiners that words and emoji need stay'
);

select results_eq(
  $$ select monitoring.is_one_line(value) from unnest(array['a b', ' a ', '', e'a\nb', e'ü\u202e', e'a\rb']) as value $$,
  $$ values (true), (true), (true), (false), (false), (false) $$,
  'a text is one line, or it is not'
);

select results_eq(
  $$ select monitoring.sanitize_line(e'ann@example.com\nis down', 200), monitoring.sanitize_line(e'\u200b', 200),
       monitoring.sanitize_line(repeat('word ', 100), 200) like '%… [truncated, 499 bytes]' $$,
  $$ values ('[redacted] is down', null::text, true) $$,
  'a line is sanitized and truncated like any text'
);

select results_eq(
  $$ select monitoring.read_required_line('subject', e' a\nb ', 100),
       strpos(monitoring.read_required_line('subject', repeat('word ', 100), 200), e'\n') $$,
  $$ values ('a b', 0) $$,
  'an argument is read as a line'
);

select throws_ok(
  $$ select monitoring.read_required_line('subject', e'\u202e\n', 100) $$, 'PT400', 'subject is missing',
  'hidden characters alone count as blank'
);

select * from finish();

rollback;
