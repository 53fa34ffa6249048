begin;

select plan(8);

select throws_ok(
  $$ insert into public.email_tracking (recipient, subject)
     values ('nobody', 's') $$,
  '23514', monitoring.describe_row_rule('public.email_tracking', 'recipient_is_an_address'),
  'a recipient that is not an address is rejected'
);

select throws_ok(
  $$ insert into public.email_tracking (recipient, subject)
     values ('a@example.com', ' ') $$,
  '23514', monitoring.describe_row_rule('public.email_tracking', 'subject_is_not_blank'),
  'a blank subject is rejected'
);

select throws_ok(
  $$ insert into public.email_tracking (recipient, subject, open_count)
     values ('a@example.com', 's', -1) $$,
  '23514', monitoring.describe_row_rule('public.email_tracking', 'open_count_is_not_negative'),
  'a negative count of opens is rejected'
);

select throws_ok(
  $$ insert into public.email_tracking (recipient, subject, click_count)
     values ('a@example.com', 's', -1) $$,
  '23514', monitoring.describe_row_rule('public.email_tracking', 'click_count_is_not_negative'),
  'a negative count of clicks is rejected'
);

select throws_ok(
  $$ insert into public.email_tracking (recipient, subject, status, sent_at, delivered_at)
     values ('a@example.com', 's', 'delivered', now(), now() - interval '1 second') $$,
  '23514', monitoring.describe_row_rule('public.email_tracking', 'delivered_at_is_not_before_sent_at'),
  'delivered before sent is rejected'
);

select throws_ok(
  $$ insert into public.email_tracking (recipient, subject, status)
     values ('a@example.com', 's', 'sent') $$,
  '23514', monitoring.describe_row_rule('public.email_tracking', 'sent_emails_say_when'),
  'sent without a time is rejected'
);

select throws_ok(
  $$ insert into public.email_tracking (recipient, subject, status)
     values ('a@example.com', 's', 'failed') $$,
  '23514', monitoring.describe_row_rule('public.email_tracking', 'failed_emails_say_why'),
  'failed without a reason is rejected'
);

select throws_ok(
  $$ insert into public.email_tracking (recipient, subject, status, sent_at)
     values ('a@example.com', 's', 'bounced', now()) $$,
  '23514', monitoring.describe_row_rule('public.email_tracking', 'bounced_emails_say_when'),
  'bounced without a time is rejected'
);

select * from finish();

rollback;
