begin;

select plan(2);

insert into monitoring.notifications (channel, event, details, answer, error, status, finished_at)
values (
  'tap-erased@example.com',
  'test',
  '{"title": "Login of tap-erased@example.com", "actor": "tap-erased@example.com"}',
  'no mailbox tap-erased@example.com',
  'answered 422: tap-erased@example.com',
  'dead',
  now()
);

select is(
  public.erase_personal_data('tap-erased@example.com') -> 'erased' ->> 'monitoring.notifications', '1',
  'a notification that names a person is found'
);

select is_empty(
  $$ select from monitoring.notifications where to_jsonb(notifications)::text like '%tap-erased%' $$,
  'nothing of it is left'
);

select * from finish();

rollback;
