begin;

select plan(6);

delete from monitoring.notifications;

insert into monitoring.secrets (name, value)
values ('tap-job-url', 'https://hooks.slack.com/services/T/B/x')
on conflict (name) do nothing;

create function monitoring.test_set_channels(recipients jsonb)
returns boolean
language sql
set search_path = ''
as $$
  update public.system_config
  set value = test_set_channels.recipients
  where system_config.key = 'notification_recipients';

  select exists (select from cron.job where job.jobname = 'monitoring-send-notifications')
$$;

select ok(not monitoring.test_set_channels('[]'), 'without channels the job is not scheduled');

select ok(
  monitoring.test_set_channels('[{"name": "tap job", "kind": "slack", "url_secret": "tap-job-url"}]'),
  'a channel schedules it'
);

select ok(
  monitoring.test_set_channels('[{"email": "tap-job@example.com"}]'),
  'so does a recipient whose e-mails a mailer sends: some wait, as in quiet hours'
);

select ok(
  monitoring.test_set_channels(
    '[
      {"email": "tap-job@example.com", "escalate_after": 15, "escalate_to": "tap-boss@example.com"},
      {"email": "tap-boss@example.com"}
    ]'
  ),
  'unless somebody else is told of what nobody acknowledged'
);

select monitoring.test_set_channels('[{"name": "tap job", "kind": "slack", "url_secret": "tap-job-url"}]');

insert into monitoring.notifications (channel, event)
values ('tap job', 'test');

select ok(monitoring.test_set_channels('[]'), 'it stays while a notification is not finished');

select monitoring.send_due_notifications();

select monitoring.schedule_optional_jobs();

select is_empty(
  $$ select from cron.job where jobname = 'monitoring-send-notifications' $$, 'and is unscheduled after that'
);

select * from finish();

rollback;
