begin;

select plan(3);

select throws_ok(
  $$ insert into public.incidents (
       fingerprint, title, message, severity, category, rule, status, first_seen, reopened_at, resolved_at
     )
     values (
       'f', 't', 'm', 'LOW', 'backend', 'r', 'resolved', now() - interval '1 hour', now(), now() - interval '1 second'
     ) $$,
  '23514', monitoring.describe_row_rule('public.incidents', 'resolved_at_is_not_before_reopened_at'),
  'resolved before it was reopened is rejected'
);

select throws_ok(
  $$ insert into public.incidents (fingerprint, title, message, severity, category, rule, reopened_at)
     values ('f', 't', 'm', 'LOW', 'backend', 'r', now() - interval '1 second') $$,
  '23514', monitoring.describe_row_rule('public.incidents', 'reopened_at_is_not_before_first_seen'),
  'reopened before it was seen is rejected'
);

select throws_ok(
  $$ insert into public.incidents (fingerprint, title, message, severity, category, rule, open_before)
     values ('f', 't', 'm', 'LOW', 'backend', 'r', interval '-1 second') $$,
  '23514', monitoring.describe_row_rule('public.incidents', 'open_before_is_not_negative'),
  'a negative time is rejected'
);

select * from finish();

rollback;
