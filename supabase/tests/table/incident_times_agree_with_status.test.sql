begin;

select plan(6);

select throws_ok(
  $$ insert into public.incidents (fingerprint, title, message, severity, category, rule, status)
     values ('f', 't', 'm', 'LOW', 'backend', 'r', 'resolved') $$,
  '23514', monitoring.describe_row_rule('public.incidents', 'resolved_incidents_say_when'),
  'resolved without a time is rejected'
);

select throws_ok(
  $$ insert into public.incidents (fingerprint, title, message, severity, category, rule, resolved_at)
     values ('f', 't', 'm', 'LOW', 'backend', 'r', now()) $$,
  '23514', monitoring.describe_row_rule('public.incidents', 'resolved_incidents_say_when'),
  'open with a time of resolution is rejected'
);

select throws_ok(
  $$ insert into public.incidents (fingerprint, title, message, severity, category, rule, resolution)
     values ('f', 't', 'm', 'LOW', 'backend', 'r', 'fixed') $$,
  '23514', monitoring.describe_row_rule('public.incidents', 'only_resolved_incidents_have_a_resolution'),
  'open with a resolution is rejected'
);

select throws_ok(
  $$ insert into public.incidents (fingerprint, title, message, severity, category, rule, status, resolved_at)
     values ('f', 't', 'm', 'LOW', 'backend', 'r', 'resolved', now() - interval '1 second') $$,
  '23514', monitoring.describe_row_rule('public.incidents', 'resolved_at_is_not_before_first_seen'),
  'resolved before it was seen is rejected'
);

select throws_ok(
  $$ insert into public.incidents (fingerprint, title, message, severity, category, rule, status)
     values ('f', 't', 'm', 'LOW', 'backend', 'r', 'acknowledged') $$,
  '23514', monitoring.describe_row_rule('public.incidents', 'acknowledged_incidents_say_when'),
  'acknowledged without a time is rejected'
);

select throws_ok(
  $$ insert into public.incidents (fingerprint, title, message, severity, category, rule, acknowledged_at)
     values ('f', 't', 'm', 'LOW', 'backend', 'r', now() - interval '1 second') $$,
  '23514', monitoring.describe_row_rule('public.incidents', 'acknowledged_at_is_not_before_first_seen'),
  'acknowledged before it was seen is rejected'
);

select * from finish();

rollback;
