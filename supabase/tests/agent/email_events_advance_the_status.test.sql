begin;

select plan(9);

update public.system_config
set value = '{"email": true}'
where key = 'feature_flags';

create temporary table queued (id bigint) on commit drop;

insert into queued values (public.queue_email('ann@example.com', 'INC-1 is open'));

select throws_ok(
  $$ select public.record_email_event('tap-1', 'sent') $$, 'PT404', 'there is no e-mail with this provider_id', 'an event of an unknown e-mail is rejected'
);

select is(
  public.record_email_event('tap-1', 'delivered', now() - interval '5 minutes', (select id from queued)) ->> 'status',
  'delivered', 'events can arrive in any order'
);

select results_eq(
  $$ select public.record_email_event('tap-1', event, now() - interval '1 minute') - 'email_id'
     from unnest(array['opened', 'opened', 'clicked', 'opened']) as event $$,
  $$ values
     ('{"status": "opened", "duplicate": false}'::jsonb), ('{"status": "opened", "duplicate": true}'),
     ('{"status": "clicked", "duplicate": false}'), ('{"status": "clicked", "duplicate": true}') $$,
  'a repeated event counts once'
);

select is(
  public.record_email_event('tap-1', 'sent', now() - interval '9 minutes') ->> 'status', 'clicked',
  'the status never moves backward'
);

select results_eq(
  $$ select status::text, open_count, click_count, sent_at = now() - interval '9 minutes',
       delivered_at = now() - interval '5 minutes' from public.email_tracking where provider_id = 'tap-1' $$,
  $$ values ('clicked', 1, 1, true, true) $$,
  'times are taken from the events'
);

update public.system_config
set value = '{"email": true}'
where key = 'feature_flags';

update public.system_config
set value = '[{"email": "tap@example.com"}, {"email": "quiet@example.com", "min_severity": "CRITICAL"}]'
where key = 'notification_recipients';

select public.report_error('{"error": {"message": "m"}, "fingerprint": "mailed", "severity": "HIGH"}');

select results_eq(
  $$ select recipient, subject like '[HIGH] INC-% m' from public.email_tracking
     where recipient in ('tap@example.com', 'quiet@example.com') $$,
  $$ values ('tap@example.com', true) $$,
  'a new incident queues an e-mail to each recipient of its severity'
);

select throws_ok(
  $$ select public.queue_email('nobody', 's') $$, 'PT400', 'recipient is not an e-mail address', 'an invalid recipient is rejected'
);

select is(
  public.record_email_event('tap-1', 'complained', now() - interval '1 second') ->> 'status', 'complained',
  'a complaint comes after the e-mail was read'
);

select results_eq(
  $$ select public.record_email_event('tap-1', 'bounced', now(), null, 'gone') ->> 'status', status::text,
       bounced_at = now() - interval '1 second', error
     from public.email_tracking where provider_id = 'tap-1' $$,
  $$ values ('complained', 'complained', true, 'complained') $$,
  'a complaint is final'
);

select * from finish();

rollback;
