begin;

select plan(2);

select throws_ok(
  $$ insert into public.monitoring_checks (target, target_type, scheduled_at, interval_minutes)
     values ('api', 'backend', now(), 0) $$,
  '23514', monitoring.describe_row_rule('public.monitoring_checks', 'interval_is_positive'),
  'a check that stands for no time is rejected'
);

select throws_ok(
  $$ insert into public.monitoring_checks (target, target_type, scheduled_at, response_time_error_ms)
     values ('api', 'backend', now(), -1) $$,
  '23514', monitoring.describe_row_rule('public.monitoring_checks', 'response_time_error_is_not_negative'),
  'a negative error of the response time is rejected'
);

select * from finish();

rollback;
