-- Payments and refunds that failed.

begin;

select plan(8);

select
  is(
    format('%s %s %s', answer.severity, answer.category, answer.rule),
    sample.wanted,
    format('%s: %s', sample.source, sample.message)
  )
from (
  values
  ('Your card was declined.', 'HIGH backend card_rejected', 'server', null::text),
  ('Insufficient funds', 'HIGH backend card_rejected', 'server', null),
  ('Do Not Honor', 'HIGH backend card_rejected', 'server', null),
  ('incorrect_cvc', 'HIGH backend payment_code', 'server', null),
  ('Refund could not be processed', 'HIGH backend payment_failed', 'server', null),
  ('Payment declined: ETIMEDOUT', 'HIGH backend payment_declined', 'server', null),
  ('Payment of 500 EUR received', 'MEDIUM backend unmatched', 'server', null),
  ('User declined the invitation', 'MEDIUM backend unmatched', 'server', null)
) as sample (message, wanted, source, error_type)
cross join lateral public.classify_error(sample.message, sample.error_type, sample.source) as answer;

select * from finish();

rollback;
