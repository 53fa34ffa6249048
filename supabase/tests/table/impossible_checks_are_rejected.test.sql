begin;

select plan(10);

select throws_ok(
  $$ insert into public.monitoring_checks (target, target_type, url, scheduled_at)
     values (' ', 'backend', 'https://example.com', now()) $$,
  '23514', monitoring.describe_row_rule('public.monitoring_checks', 'target_is_not_blank'),
  'a blank target is rejected'
);

select throws_ok(
  $$ insert into public.monitoring_checks (target, target_type, url, scheduled_at, http_status)
     values ('api', 'backend', 'https://example.com', now(), 99) $$,
  '23514', monitoring.describe_row_rule('public.monitoring_checks', 'http_status_is_a_status_code'),
  'a status code of 99 is rejected'
);

select throws_ok(
  $$ insert into public.monitoring_checks (target, target_type, url, scheduled_at, response_time_ms)
     values ('api', 'backend', 'https://example.com', now(), -1) $$,
  '23514', monitoring.describe_row_rule('public.monitoring_checks', 'response_time_is_not_negative'),
  'a negative response time is rejected'
);

select throws_ok(
  $$ insert into public.monitoring_checks (target, target_type, url, scheduled_at, attempt)
     values ('api', 'backend', 'https://example.com', now(), 0) $$,
  '23514', monitoring.describe_row_rule('public.monitoring_checks', 'attempt_is_positive'),
  'attempt 0 is rejected'
);

select throws_ok(
  $$ insert into public.monitoring_checks (target, target_type, url, scheduled_at, error_count)
     values ('api', 'backend', 'https://example.com', now(), -1) $$,
  '23514', monitoring.describe_row_rule('public.monitoring_checks', 'error_count_is_not_negative'),
  'a negative count of errors is rejected'
);

select throws_ok(
  $$ insert into public.monitoring_checks (target, target_type, url, scheduled_at, consecutive_failures)
     values ('api', 'backend', 'https://example.com', now(), -1) $$,
  '23514', monitoring.describe_row_rule('public.monitoring_checks', 'consecutive_failures_is_not_negative'),
  'a negative count of failures is rejected'
);

select throws_ok(
  $$ insert into public.monitoring_checks (target, target_type, url, scheduled_at, sent_at, completed_at)
     values ('api', 'backend', 'https://example.com', now(), now(), now() - interval '1 second') $$,
  '23514', monitoring.describe_row_rule('public.monitoring_checks', 'completed_at_is_not_before_sent_at'),
  'completed before sent is rejected'
);

select throws_ok(
  $$ insert into public.monitoring_checks (target, target_type, url, scheduled_at, completed_at, status)
     values ('api', 'backend', 'https://example.com', now(), now(), 'pending') $$,
  '23514', monitoring.describe_row_rule('public.monitoring_checks', 'checks_are_judged'),
  'a check that is not judged is rejected'
);

select throws_ok(
  $$ insert into public.monitoring_checks (target, target_type, url, scheduled_at, response_time_error_ms)
     values ('api', 'backend', 'https://example.com', now(), -1) $$,
  '23514', monitoring.describe_row_rule('public.monitoring_checks', 'response_time_error_is_not_negative'),
  'a negative error of the response time is rejected'
);

select throws_ok(
  $$ insert into public.monitoring_checks (target, target_type, url, scheduled_at, interval_minutes)
     values ('api', 'backend', 'https://example.com', now(), 0) $$,
  '23514', monitoring.describe_row_rule('public.monitoring_checks', 'interval_is_positive'),
  'an interval of 0 minutes is rejected'
);

select * from finish();

rollback;
