-- Letters, points and other numbers next to a card number exclude only the group that they touch.

begin;

select plan(8);

select is(monitoring.sanitize_text(sample.body, 4096), sample.wanted, sample.description)
from (
  values
  ('amount 10.00 4111111111111111, code1 4111 1111 1111 1111', 'amount 10.00 [redacted], code1 [redacted]', 'numbers before'),
  ('ref123 4111111111111111 VISA4111111111111111', 'ref123 [redacted] VISA[redacted]', 'words that touch it'),
  ('4111111111111111exp12/28 0x4111111111111111', '[redacted]exp12/28 0x4111111111111111', 'a word after; an address in memory'),
  (
    'card%3D4111111111111111 note=%204111111111111111 4111%201111%201111%201111 a%20b',
    'card%3D[redacted] note=%20[redacted] [redacted] a%20b', 'percent signs'
  ),
  ('card\u003d4111111111111111 \u00204111111111111111', 'card\u003d[redacted] \u0020[redacted]', 'escapes of JSON'),
  (
    e'4111.1111.1111.1111 4111_1111_1111_1111 4111\t1111\t1111\t1111 4111  1111  1111  1111 4111\u00a01111\u00a01111\u00a01111\u00a02',
    e'[redacted] [redacted] [redacted] [redacted] [redacted]\u00a02', 'other separators'
  ),
  ('4111.11 1111.1111 1111.11 4111.1111111 11.11111', '4111.11 1111.1111 1111.11 4111.1111111 11.11111', 'measures stay'),
  ('{"n": -4111111111111111}', '{"n": -[redacted]}', 'a negative number')
) as sample (body, wanted, description);

select * from finish();

rollback;
