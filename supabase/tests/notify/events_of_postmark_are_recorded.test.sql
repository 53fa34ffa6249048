begin;

select plan(7);

create temporary table mail on commit drop as
with made as (
  insert into public.email_tracking (recipient, subject)
  values ('ann@example.com', 's')
  returning email_tracking.id
)

select made.id
from made;

create function pg_temp.postmark(record text, more jsonb default '{}')
returns jsonb
language sql
as $$
  select public.record_provider_email_event(
    'postmark',
    jsonb_build_object(
      'RecordType', record, 'MessageID', '883953f4-6105-42a2-a16a-77a8eac79483', 'Recipient', 'ann@example.com',
      'Metadata', jsonb_build_object('email_id', (select id::text from mail))
    ) || more
  ) - 'email_id'
$$;

select is(
  pg_temp.postmark('Delivery', '{"DeliveredAt": "2026-02-01T13:28:10.2735393-04:00", "Details": "250 ok"}'),
  '{"effect": "recorded", "status": "delivered"}', 'the first event finds the e-mail by Metadata.email_id'
);

select results_eq(
  $$ select pg_temp.postmark(
       records.record, '{"ReceivedAt": "2026-02-01T13:30:10.2735393-04:00", "Metadata": {}, "Recipient": "x"}'
     )
     from unnest(array['Open', 'Open', 'Click', 'x']) as records (record) $$,
  $$ values
     ('{"effect": "recorded", "status": "opened"}'::jsonb), ('{"effect": "duplicate", "status": "opened"}'),
     ('{"effect": "recorded", "status": "clicked"}'),
     ('{"effect": "ignored", "reason": "events of this type change no status"}') $$,
  'later ones find it by MessageID; a repeated event counts once'
);

select is(
  pg_temp.postmark(
    'SubscriptionChange',
    '{"MessageID": null, "SuppressSending": true, "SuppressionReason": "ManualSuppression",
      "ChangedAt": "2026-02-01T18:00:00Z"}'
  ),
  '{"effect": "recorded", "status": "complained"}', 'who unsubscribes counts as who complains'
);

select results_eq(
  $$ select provider_id, status::text, sent_at, delivered_at, open_count, click_count, bounced_at, error
     from public.email_tracking join mail using (id) $$,
  $$ values (
       '883953f4-6105-42a2-a16a-77a8eac79483', 'complained', '2026-02-01 17:28:10.273539+00'::timestamptz,
       '2026-02-01 17:28:10.273539+00'::timestamptz, 1, 1, '2026-02-01 18:00:00+00'::timestamptz, 'ManualSuppression'
     ) $$,
  'the e-mail has the times of the events and the reason'
);

with other as (
  insert into public.email_tracking (recipient, subject)
  values ('ben@example.com', 's')
  returning email_tracking.id
)

select
  is(
    pg_temp.postmark(
      'SubscriptionChange',
      jsonb_build_object(
        'MessageID', null, 'SuppressSending', true, 'ChangedAt', '2026-02-01T18:00:00Z', 'Recipient', 'ben@example.com',
        'Metadata', jsonb_build_object('email_id', other.id::text)
      )
    ),
    '{"effect": "recorded", "status": "complained"}', 'that somebody else does at the same time is another event'
  )
from other;

select results_eq(
  $$ select (monitoring.read_postmark_event(jsonb_build_object('RecordType', 'Bounce', 'Type', types.type))).status::text
     from unnest(
       array['HardBounce', 'SoftBounce', 'Blocked', 'Transient', 'AutoResponder', 'SpamComplaint', 'NewType']
     ) with ordinality as types (type, place)
     order by types.place $$,
  $$ values ('bounced'), ('bounced'), ('bounced'), ('sent'), (null), ('complained'), ('bounced') $$,
  'bounces that are none, or not final, are told apart'
);

select results_eq(
  $$ select (read.event).status::text, (read.event).error
     from unnest(array[
       '{"RecordType": "Bounce", "Type": "HardBounce", "Description": "no mailbox", "Details": "smtp;550 5.1.1"}',
       '{"RecordType": "SubscriptionChange", "SuppressSending": true, "SuppressionReason": "HardBounce"}',
       '{"RecordType": "SubscriptionChange", "SuppressSending": false}',
       '{"RecordType": "SMTPApiError", "Details": "inactive recipient"}'
     ]::jsonb[]) with ordinality as bodies (body, place)
     cross join lateral (select monitoring.read_postmark_event(bodies.body) as event) as read
     order by bodies.place $$,
  $$ values
     ('bounced', 'HardBounce: no mailbox: smtp;550 5.1.1'), ('bounced', 'HardBounce'), (null, null),
     ('failed', 'inactive recipient') $$,
  'reasons are read'
);

select * from finish();

rollback;
