-- The decline codes of payment providers; a name of a variable or of a field is none.

begin;

select plan(10);

select
  is(
    format('%s %s %s', answer.severity, answer.category, answer.rule),
    sample.wanted,
    sample.message
  )
from (
  values
  ('stripe: code do_not_honor', 'HIGH backend payment_code'),
  ('payment_intent.payment_failed', 'HIGH backend payment_code'),
  ('StripeConnectionError: no answer', 'HIGH backend payment_code'),
  ('PayPal: PAYER_ACTION_REQUIRED', 'HIGH backend payment_provider_code'),
  ('Gateway Rejected: fraud', 'HIGH backend payment_declined'),
  ('Failed to charge the customer', 'HIGH backend payment_failed'),
  ('KeyError: ''card_declined''', 'MEDIUM backend unmatched'),
  ('Undefined array key "payment_method"', 'MEDIUM backend unmatched'),
  ('model card expired_at=null loaded', 'MEDIUM backend unmatched'),
  ('Failed to load payment icons', 'MEDIUM backend unmatched')
) as sample (message, wanted)
cross join lateral public.classify_error(sample.message, null, 'server') as answer;

select * from finish();

rollback;
