-- International bank account numbers are redacted if their country, length and checksum are right.

begin;

select plan(8);

select is(monitoring.sanitize_text(sample.body, 4096), sample.wanted, sample.description)
from (
  values
  ('to GB82 WEST 1234 5698 7654 32: AC04 closed', 'to [redacted]: AC04 closed', 'with spaces'),
  ('DE89370400440532013000, NL91ABNA0417164300', '[redacted], [redacted]', 'without'),
  ('DE89-3704-0044-0532-0130-00 CH93%200076%202011%206238%205295%207', '[redacted] [redacted]', 'with dashes, and in a URL'),
  ('PAID AT61 1904 3002 3457 3201 ON TIME', 'PAID [redacted] ON TIME', 'between capital letters'),
  ('BE12 IBAN GB82 WEST 1234 5698 7654 32', 'BE12 IBAN [redacted]', 'after what looks like one'),
  ('GB82 WEST 1234 5698 7654 33 DE893704004405320130001', 'GB82 WEST 1234 5698 7654 33 DE893704004405320130001', 'a wrong checksum, and a longer word'),
  ('XK20 0000 AB12CDEF34GH5678 ISO13616 DE44 LABEL', 'XK20 0000 AB12CDEF34GH5678 ISO13616 DE44 LABEL', 'other words'),
  ('iban=de89370400440532013000 bic=x', 'iban=[redacted] bic=x', 'in small letters with its name')
) as sample (body, wanted, description);

select * from finish();

rollback;
