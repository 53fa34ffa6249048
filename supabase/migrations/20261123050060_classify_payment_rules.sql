-- Purpose: the built-in rules that make an error HIGH because a payment failed.
-- Objects: function monitoring.list_payment_rules.
-- Risks: see classify_success_rules for the priorities.

create function monitoring.list_payment_rules()
returns setof public.classification_rules
language plpgsql
stable
security invoker
set search_path = ''
as $$
declare
  c_unless constant text := 'typeerror | referenceerror | keyerror | deadlock'
    || ' | rollback | sql* | prisma* | postgres* | mysql* | undefined array | undefined index | undefined method'
    || ' | undefined variable | undefined property | no attribute | attributeerror | syntaxerror | battery'
    || ' | failed to resolve | failed to load | failed with result | pull image | skipping | passed | topic'
    || ' | translation | violates | null value in';
begin
  return next monitoring.define_rule(
    name => 'payment_code', priority => 2020, severity => 'HIGH', category => 'backend',
    codes => 'card_declined|insufficient_funds|expired_card|card_expired|incorrect_cvc'
      || '|incorrect_number|invalid_cvc|invalid_number|incorrect_zip|invalid_expiry_month|invalid_expiry_year'
      || '|invalid_account|processing_error|generic_decline|do_not_honor|do_not_try_again|lost_card|stolen_card'
      || '|pickup_card|restricted_card|fraudulent|authentication_required|approve_with_id|call_issuer'
      || '|card_not_supported|card_velocity_exceeded|card_error|duplicate_transaction|issuer_not_available'
      || '|offline_pin_required|online_or_offline_pin_required|pin_try_exceeded|reenter_transaction'
      || '|revocation_of_authorization|security_violation|stop_payment_order|transaction_not_allowed'
      || '|withdrawal_count_limit_exceeded|invalid_pin|balance_insufficient|charge_already_refunded'
      || '|charge_expired_for_capture|charge_exceeds_source_limit|payment_intent_authentication_failure'
      || '|payment_intent_payment_attempt_failed|payment_method_provider_decline|payment_failed'
      || '|payment_intent.payment_failed|invoice.payment_failed|charge.failed|bank_account_declined'
      || '|debit_not_authorized|CREDIT_REJECTED|StripeCardError|StripeConnectionError|ApiConnectionException'
      || '|CardError|CardException|PaymentError|PaymentException|PaymentFailedException|PaymentFailedError'
      || '|PaymentDeclinedException|PaymentDeclinedError|ProcessorDeclined|GatewayRejected',
    unless => 'keyerror | undefined array | undefined index | undefined variable'
      || ' | undefined column | passed',
    example => 'StripeCardError: card_declined',
    counterexample => 'KeyError: ''card_declined'''
  );
  return next monitoring.define_rule(
    name => 'payment_provider_code', priority => 2020, severity => 'HIGH', category => 'backend',
    codes => 'INSTRUMENT_DECLINED|PAYMENT_DENIED|PAYER_ACTION_REQUIRED|PAYER_CANNOT_PAY'
      || '|PAYEE_BLOCKED_TRANSACTION|TRANSACTION_REFUSED|PAYMENT_SOURCE_DECLINED_BY_PROCESSOR'
      || '|PAYMENT_SOURCE_CANNOT_BE_USED|PAYEE_ACCOUNT_RESTRICTED|PAYER_ACCOUNT_RESTRICTED'
      || '|PAYER_ACCOUNT_LOCKED_OR_CLOSED|REDIRECT_PAYER_FOR_ALTERNATE_FUNDING|TRANSACTION_BLOCKED_BY_PAYEE'
      || '|CREDIT_CARD_REFUSED|CREDIT_CARD_CVV_CHECK_FAILED|CVV2_FAILURE|LOST_OR_STOLEN|SUSPECTED_FRAUD'
      || '|ISSUER_SUSPECTED_FRAUD|ISSUER_UNAVAILABLE|ACQUIRER_ERROR|BLOCKED_CARD|INVALID_CARD|NOT_ENOUGH_BALANCE'
      || '|AUTHENTICATION_NOT_PERFORMED|CVC_DECLINED|REFER_TO_ISSUER|NO_SUCH_ISSUER|FRAUD-CANCELLED'
      || '|TRANSACTION_NOT_PERMITTED|VERIFY_CVV_FAILURE|VERIFY_AVS_FAILURE|ADDRESS_VERIFICATION_FAILURE'
      || '|PAYMENT_LIMIT_EXCEEDED|INVALID_EXPIRATION|BAD_EXPIRATION',
    unless => 'keyerror | undefined array | undefined index | undefined variable | passed',
    example => 'INSTRUMENT_DECLINED: another way to pay is needed',
    counterexample => 'The instrument was tuned'
  );
  return next monitoring.define_rule(
    name => 'payment_failed_status', priority => 3000, severity => 'HIGH', category => 'backend',
    statuses => '{[402,403)}',
    example => 'Request failed with status code 402',
    counterexample => 'Request failed with status code 422'
  );
  return next monitoring.define_rule(
    name => 'payment_declined', priority => 3010, severity => 'HIGH', category => 'backend',
    matches => '(payment | payments | charge | charges | billing | refund | invoice'
      || ' | subscription | purchase | checkout | card | cards | authorization | capture | transaction) & (declined'
      || ' | decline | declines) | processor declined | gateway rejected | declined by (the | your | issuer | bank)'
      || ' | (issuer | bank | issuing bank) ~ declined | (payment | payments | refund) ~ (refused | rejected'
      || ' | denied) | invalid payment state | refusalreason',
    unless => c_unless || ' | invitation',
    example => 'The card was declined',
    counterexample => 'User declined the invitation'
  );
  return next monitoring.define_rule(
    name => 'payment_failed', priority => 3010, severity => 'HIGH', category => 'backend',
    matches => '(payment | payments | charge | charges | billing | refund | payout'
      || ' | invoice | subscription | purchase) ~ (failed | fails | failure | unsuccessful | could not be | error'
      || ' | problem | expired | not be processed | not processed) | (unable | cannot | failed'
      || ' | could not) ~ (charge | payment | payments | refund | purchase) | processing transaction & refused'
      || ' | payment intent failed | checkout failed | failed payment | failed payments',
    unless => c_unless,
    example => 'The payment has failed',
    counterexample => 'TypeError: payment failed to load'
  );
  return next monitoring.define_rule(
    name => 'card_rejected', priority => 3010, severity => 'HIGH', category => 'backend',
    matches => 'card ~ (declined | expired | invalid | incorrect | rejected | lost'
      || ' | stolen | blocked | not supported | refused | restricted) | (expired | invalid | incorrect | stolen'
      || ' | lost | unsupported | restricted | blocked) ~ card | insufficient funds | insufficient balance'
      || ' | requires a new payment method | not sufficient funds | non-sufficient funds | no sufficient funds'
      || ' | do not hono* | not honored | (cvc | cvv | cvv2 | cv2 | security code) & (invalid | incorrect | fail*'
      || ' | mismatch | wrong) | avs mismatch | pick up card | call issuer | refer to issuer | payment required'
      || ' | transaction not permitted | transaction not allowed | 3d secure authentication failed'
      || ' | 3ds authentication failed',
    unless => c_unless || ' | sim card | network card | graphics card | card layout | card component'
      || ' | expired_at',
    example => 'insufficient funds',
    counterexample => 'TypeError: the card is not supported'
  );
end
$$;

comment on function monitoring.list_payment_rules() is
'Returns the built-in rules for failed payments and refunds.';
