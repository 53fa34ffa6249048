begin;

select plan(6);

select throws_ok(
  $$ insert into public.incidents (fingerprint, title, message, severity, category, rule, id)
     values ('f', 't', 'm', 'LOW', 'backend', 'r', 'X-1') $$,
  '23514', monitoring.describe_row_rule('public.incidents', 'id_is_an_incident_number'),
  'an id without INC- is rejected'
);

select throws_ok(
  $$ insert into public.incidents (fingerprint, title, message, severity, category, rule)
     values (' ', 't', 'm', 'LOW', 'backend', 'r') $$,
  '23514', monitoring.describe_row_rule('public.incidents', 'fingerprint_is_not_blank'),
  'a blank fingerprint is rejected'
);

select throws_ok(
  $$ insert into public.incidents (fingerprint, title, message, severity, category, rule)
     values (repeat('f', 256), 't', 'm', 'LOW', 'backend', 'r') $$,
  '23514', monitoring.describe_row_rule('public.incidents', 'fingerprint_is_short'),
  'a fingerprint of 256 characters is rejected'
);

select throws_ok(
  $$ insert into public.incidents (fingerprint, title, message, severity, category, rule, context)
     values ('f', 't', 'm', 'LOW', 'backend', 'r', '[]') $$,
  '23514', monitoring.describe_row_rule('public.incidents', 'context_is_an_object'),
  'a context that is a list is rejected'
);

select throws_ok(
  $$ insert into public.incidents (fingerprint, title, message, severity, category, rule, occurrence_count)
     values ('f', 't', 'm', 'LOW', 'backend', 'r', 0) $$,
  '23514', monitoring.describe_row_rule('public.incidents', 'occurrence_count_is_positive'),
  'a count of 0 is rejected'
);

select throws_ok(
  $$ insert into public.incidents (fingerprint, title, message, severity, category, rule, last_seen)
     values ('f', 't', 'm', 'LOW', 'backend', 'r', now() - interval '1 second') $$,
  '23514', monitoring.describe_row_rule('public.incidents', 'last_seen_is_not_before_first_seen'),
  'last_seen before first_seen is rejected'
);

select * from finish();

rollback;
