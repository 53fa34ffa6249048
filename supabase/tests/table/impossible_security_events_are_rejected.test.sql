begin;

select plan(4);

select throws_ok(
  $$ insert into public.security_events (event_type, severity, confidence)
     values (' ', 'LOW', 0.5) $$,
  '23514', monitoring.describe_row_rule('public.security_events', 'event_type_is_not_blank'),
  'a blank type is rejected'
);

select throws_ok(
  $$ insert into public.security_events (event_type, severity, confidence)
     values ('invalid_signature', 'LOW', 1.01) $$,
  '23514', monitoring.describe_row_rule('public.security_events', 'confidence_is_a_share'),
  'a confidence over 1 is rejected'
);

select throws_ok(
  $$ insert into public.security_events (event_type, severity, confidence)
     values ('invalid_signature', 'LOW', -0.01) $$,
  '23514', monitoring.describe_row_rule('public.security_events', 'confidence_is_a_share'),
  'a confidence under 0 is rejected'
);

select throws_ok(
  $$ insert into public.security_events (event_type, severity, confidence, details)
     values ('invalid_signature', 'LOW', 0.5, '[]') $$,
  '23514', monitoring.describe_row_rule('public.security_events', 'details_is_an_object'),
  'details that are not an object are rejected'
);

select * from finish();

rollback;
