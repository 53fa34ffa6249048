begin;

select plan(4);

select throws_ok(
  $$ insert into monitoring.notifications (channel, event, attempts) values ('tap', 'test', -1) $$,
  '23514', 'new row for relation "notifications" violates check constraint "attempts_is_not_negative"',
  'a number of attempts is not negative'
);

select throws_ok(
  $$ insert into monitoring.notifications (channel, event, details) values ('tap', 'test', '[]') $$,
  '23514', 'new row for relation "notifications" violates check constraint "details_is_an_object"',
  'details are an object'
);

select throws_ok(
  $$ insert into monitoring.notifications (channel, event, status) values ('tap', 'test', 'delivered') $$,
  '23514', 'new row for relation "notifications" violates check constraint "finished_notifications_say_when"',
  'what is finished has a time'
);

select throws_ok(
  $$ insert into monitoring.notifications (channel, event, status) values ('tap', 'test', 'sending') $$,
  '23514', 'new row for relation "notifications" violates check constraint "sending_notifications_have_a_lease"',
  'what is being sent has a lease'
);

select * from finish();

rollback;
