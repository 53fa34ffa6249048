-- Terminal escape sequences are removed; tabs, line ends and all scripts stay.

begin;

select plan(8);

select is(monitoring.sanitize_text(sample.body, 4096), sample.wanted, sample.description)
from (
  values
  (e'\x1b[31mred\x1b[0;1m bold\x1b[m', 'red bold', 'colours'),
  (e'\x1b]8;;http://x\x1b\\link\x1b]8;;\x07 end', 'link end', 'a hyperlink'),
  (e'a\r\nb\rc\td', e'a\nb\nc\td', 'line ends'),
  (e'a\x07b\x7fc\u0085d', 'abcd', 'bell, delete and C1'),
  (e'a\u202eb\u200fc', e'a\u202eb\u200fc', 'a direction mark is text'),
  ('a\u0000b', 'a\u0000b', 'an escaped NUL is text'),
  (e'pass\x1b[1mword=\x1b[0mabc', 'password=[redacted]', 'a secret in colours'),
  ('', '', 'nothing at all')
) as sample (body, wanted, description);

select * from finish();

rollback;
