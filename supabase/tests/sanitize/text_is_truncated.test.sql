-- The limit is in bytes; truncation never splits a character, adds a note and leaves no part of a secret.

begin;

select plan(8);

select is(monitoring.sanitize_text(repeat('a b ', 25), 100), repeat('a b ', 25), 'a text of the maximum length is unchanged');

select matches(
  monitoring.sanitize_text(repeat('word ', 100), 100), '^(word ?)+\n… \[truncated, 500 bytes\]$', 'a longer text is truncated with a note'
);

select ok(
  octet_length(monitoring.sanitize_text(repeat('😀 ü', 5000), 1001)) between 700 and 1001, 'characters of several bytes are not split'
);

select is(monitoring.sanitize_text(repeat('a ', 50), 5), '…', 'without room for the note the result is an ellipsis');

select is(monitoring.sanitize_text(repeat('a ', 50), 0), '', 'with a maximum of 0 the result is empty');

select is_empty(
  $$
    select cut_at.bytes
    from generate_series(60, 220) as cut_at (bytes)
    cross join lateral monitoring.sanitize_text(
      repeat('lorem ', 8) || 'postgres://u:hunter2secret@h/x password=hunter2secret card 4111 1111 1111 1111 '
      || 'a@hunter2secret.com eyJ' || repeat('hunter2secret', 4) || repeat(' ipsum', 2000), cut_at.bytes
    ) as answer (body)
    where answer.body ~ 'hunter|4111'
      or octet_length(answer.body) > cut_at.bytes
      or monitoring.sanitize_text(answer.body, cut_at.bytes) <> answer.body
  $$,
  'truncation at any position leaves no part of a secret and is idempotent'
);

select is_empty(
  $$
    select slack.bytes
    from generate_series(4070, 4120, 2) as slack (bytes)
    where monitoring.sanitize_text(
      repeat(' ', slack.bytes) || 'postgres://u:hunter2secret@h/x 4111 1111 1111 1111 ' || repeat('x ', 9000), 60
    ) ~ 'hunter|4111'
  $$,
  'the same holds when only a part of the text is read'
);

select is(monitoring.sanitize_text(null, 100), null, 'null stays null');

select * from finish();

rollback;
