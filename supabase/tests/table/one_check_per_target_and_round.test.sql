begin;

select plan(2);

insert into public.monitoring_checks (target, target_type, url, scheduled_at)
values ('api', 'backend', 'https://example.com', date_trunc('minute', now()));

select throws_ok(
  $$ insert into public.monitoring_checks (target, target_type, url, scheduled_at)
     values ('api', 'backend', 'https://example.com', date_trunc('minute', now())) $$,
  '23505', 'duplicate key value violates unique constraint "one_check_a_target_and_round"',
  'a second check of a target in a round is rejected'
);

select lives_ok(
  $$ insert into public.monitoring_checks (target, target_type, url, scheduled_at)
     values ('web', 'frontend', 'https://example.com', date_trunc('minute', now())) $$,
  'another target has its own check in the round'
);

select * from finish();

rollback;
