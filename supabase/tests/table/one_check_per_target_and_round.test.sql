begin;

select plan(2);

insert into public.monitoring_checks (target, target_type, url, scheduled_at, status, completed_at)
values ('api', 'backend', 'https://example.com', date_trunc('minute', now()), 'up', now());

select throws_ok(
  $$ insert into public.monitoring_checks (target, target_type, url, scheduled_at, status, completed_at)
     values ('api', 'backend', 'https://example.com', date_trunc('minute', now()), 'up', now()) $$,
  '23505', null, -- the index is that of the partition
  'a second check of a target in a round is rejected'
);

select lives_ok(
  $$ insert into public.monitoring_checks (target, target_type, url, scheduled_at, status, completed_at)
     values ('web', 'frontend', 'https://example.com', date_trunc('minute', now()), 'up', now()) $$,
  'another target has its own check in the round'
);

select * from finish();

rollback;
