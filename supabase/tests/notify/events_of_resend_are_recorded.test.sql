begin;

select plan(8);

create temporary table mail on commit drop as
with made as (
  insert into public.email_tracking (recipient, subject)
  values ('ann@example.com', 's')
  returning email_tracking.id
)

select made.id
from made;

create function pg_temp.resend(type text, at timestamptz, more jsonb default '{}')
returns jsonb
language sql
as $$
  select public.record_provider_email_event(
    'resend',
    jsonb_build_object(
      'type', type, 'created_at', to_char(at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
      'data', jsonb_build_object(
        'email_id', '56761188-7520-42d8-8898-ff6fc54ce618', 'to', jsonb_build_array('Ann@Example.com'),
        'tags', jsonb_build_object('email_id', (select id::text from mail))
      ) || more
    )
  ) - 'email_id'
$$;

select is(
  pg_temp.resend('email.delivered', now() - interval '8 minutes'), '{"effect": "recorded", "status": "delivered"}',
  'the first event finds the e-mail by the tag email_id, whatever came before'
);

select is(
  pg_temp.resend('email.sent', now() - interval '9 minutes', '{"tags": {}, "to": []}'),
  '{"effect": "recorded", "status": "delivered"}', 'later ones find it by the id of Resend'
);

select results_eq(
  $$ select pg_temp.resend('email.' || types.type, now() - interval '5 minutes')
     from unnest(array['opened', 'opened', 'clicked', 'delivery_delayed', 'scheduled', 'received', 'x']) as types (type) $$,
  $$ values
     ('{"effect": "recorded", "status": "opened"}'::jsonb), ('{"effect": "duplicate", "status": "opened"}'),
     ('{"effect": "recorded", "status": "clicked"}'), ('{"effect": "recorded", "status": "clicked"}'),
     ('{"effect": "ignored", "reason": "events of this type change no status"}'),
     ('{"effect": "ignored", "reason": "events of this type change no status"}'),
     ('{"effect": "ignored", "reason": "events of this type change no status"}') $$,
  'each type has its effect, a repeated event none, an unknown one is ignored'
);

select is(
  pg_temp.resend('email.complained', now() - interval '4 minutes'), '{"effect": "recorded", "status": "complained"}',
  'a complaint is recorded'
);

select is(
  pg_temp.resend(
    'email.bounced', now(),
    '{"bounce": {"type": "Permanent", "subType": "General", "message": "mailbox of ann@example.com does not exist"}}'
  ),
  '{"effect": "recorded", "status": "complained"}', 'and is final'
);

select results_eq(
  $$ select provider_id, status::text, sent_at = now() - interval '9 minutes', delivered_at = now() - interval '8 minutes',
       open_count, click_count, bounced_at = now() - interval '4 minutes', error
     from public.email_tracking join mail using (id) $$,
  $$ values (
       '56761188-7520-42d8-8898-ff6fc54ce618', 'complained', true, true, 1, 1, true, 'the recipient marked it as spam'
     ) $$,
  'the e-mail has the times of the events and the reason'
);

select results_eq(
  $$ select (read.event).status::text, (read.event).email_id, (read.event).error
     from unnest(array[
       '{"type": "email.bounced", "data": {"bounce": {"type": "Permanent", "subType": "General", "message": "no"}}}',
       '{"type": "email.suppressed", "data": {"suppressed": {"message": "on the list"}}}',
       '{"type": "email.failed", "data": {"failed": {"reason": "reached_daily_quota"}}}',
       '{"type": "email.opened", "data": {"tags": [{"name": "email_id", "value": "17"}, {"name": "x"}, 3]}}'
     ]::jsonb[]) with ordinality as bodies (body, place)
     cross join lateral (select monitoring.read_resend_event(bodies.body) as event) as read
     order by bodies.place $$,
  $$ values
     ('bounced', null::bigint, 'Permanent, General: no'), ('bounced', null, 'on the list'),
     ('failed', null, 'reached_daily_quota'), ('opened', 17, null) $$,
  'reasons and tags are read in every form'
);

select results_eq(
  $$ select distinct public.record_provider_email_event(providers.name, bodies.body) ->> 'effect'
     from unnest(array['resend', 'postmark']) as providers (name)
     cross join unnest(array[
       null, 'null', '[]', '"x"', '{}', '{"type": "email.sent"}', '{"type": "email.sent", "data": []}', '{"type": {}}',
       '{"type": "email.sent", "created_at": {}, "data": {"email_id": [], "to": {}, "tags": "x"}}',
       '{"type": "email.sent", "data": {"email_id": "\n", "to": [null, {}], "tags": [null, 1, {"name": null}]}}',
       '{"type": "email.bounced", "data": {"bounce": 1, "tags": {"email_id": "99999999999999999999"}}}',
       '{"RecordType": 1}', '{"RecordType": "Bounce", "Metadata": [], "MessageID": {}, "BouncedAt": "0001-01-01"}',
       '{"RecordType": "SubscriptionChange", "SuppressSending": "true"}'
     ]::jsonb[]) as bodies (body) $$,
  $$ values ('ignored') $$,
  'malformed bodies are ignored'
);

select * from finish();

rollback;
