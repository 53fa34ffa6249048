-- Numbers of 13 to 19 digits that pass the Luhn check are redacted; others stay.

begin;

select plan(8);

select is(monitoring.sanitize_text(sample.body, 4096), sample.wanted, sample.description)
from (
  values
  ('4111111111111111, 5500 0000 0000 0004, 3782-822463-10005', '[redacted], [redacted], [redacted]', 'plain, blanks and dashes'),
  ('order 4111111111111112', 'order 4111111111111112', 'a wrong check digit'),
  ('12 4111 1111 1111 1111 99', '12 [redacted] 99', 'among other numbers'),
  ('4222222222222 6304000000000000000', '[redacted] [redacted]', '13 and 19 digits'),
  ('1700000000005 1700000000000004 1700000000000000008', '1700000000005 1700000000000004 1700000000000000008', 'Unix times in ms, us and ns'),
  ('20261123001100', '20261123001100', 'a date without separators'),
  ('0.4111111111111111 a4111111111111111', '0.4111111111111111 a4111111111111111', 'a part of a fraction or a hash'),
  ('41111111111111114111111111111111', '41111111111111114111111111111111', 'a long number')
) as sample (body, wanted, description);

select * from finish();

rollback;
