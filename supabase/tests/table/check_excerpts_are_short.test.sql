begin;

select plan(1);

select throws_ok(
  $$ insert into public.monitoring_checks (target, target_type, url, scheduled_at, answer_excerpt)
     values ('api', 'backend', 'https://example.com', now(), repeat('x', 1025)) $$,
  '23514', monitoring.describe_row_rule('public.monitoring_checks', 'answer_excerpt_is_short'),
  'more than 1 kB of a body is rejected'
);

select * from finish();

rollback;
