begin;

select plan(10);

create function monitoring.test_request(channel jsonb)
returns monitoring.notification_request
language sql
set search_path = ''
as $$
  select monitoring.write_notification_request(
    jsonb_populate_record(
      null::monitoring.notifications,
      jsonb_build_object('id', 1, 'message_id', 'msg_tap', 'event', 'test', 'details', '{}'::jsonb, 'created_at', now())
    ),
    jsonb_populate_record(null::monitoring.notification_channels, channel)
  )
$$;

insert into monitoring.secrets (name, value)
values
('tap_url', e' https://example.com/hook \n'),
('tap_no_url', 'ftp://secret-value'),
('tap_two_lines', e'https://example.com/a\nb'),
('tap_empty', '  '),
('tap_key', 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'),
('tap_no_key', 'secret-value!');

select
  is(
    (monitoring.test_request(jsonb_build_object('kind', kind, 'url_secret', 'tap_url'))).url, expected,
    format('%s gets the URL of its secret, without the space around it', kind)
  )
from (
  values ('slack', 'https://example.com/hook'), ('teams', 'https://example.com/hook'),
  ('discord', 'https://example.com/hook?wait=true')
) as kinds (kind, expected);

select is(
  (monitoring.test_request('{"kind": "pagerduty", "token_secret": "tap_key"}')).url, 'https://events.pagerduty.com/v2/enqueue',
  'PagerDuty has a URL of its own'
);

select
  is(
    monitoring.sign_webhook(
      request.headers ->> 'webhook-id', to_timestamp((request.headers ->> 'webhook-timestamp')::bigint), request.body::text,
      monitoring.read_channel_secret('tap_key')
    ),
    request.headers ->> 'webhook-signature',
    'what pg_net sends is what is signed'
  )
from monitoring.test_request(
  '{"kind": "agent", "name": "fe", "url_secret": "tap_url", "signing_secret": "tap_key"}'
) as request;

select
  throws_ok(
    format('select monitoring.test_request(%L)', jsonb_build_object('kind', 'webhook', 'signing_secret', 'tap_key') || fields),
    code, message, message
  )
from (
  values
  ('{"url_secret": "tap_missing"}'::jsonb, '42704', 'the secret ''tap_missing'' does not exist or is empty'),
  ('{"url_secret": "tap_empty"}', '42704', 'the secret ''tap_empty'' does not exist or is empty'),
  ('{"url_secret": "tap_no_url"}', '22023', 'the secret ''tap_no_url'' is not a URL'),
  ('{"url_secret": "tap_two_lines"}', '22023', 'the secret ''tap_two_lines'' is not a URL'),
  ('{"url_secret": "tap_url", "signing_secret": "tap_no_key"}', '22023', 'the secret ''tap_no_key'' is not whsec_ and base64')
) as channels (fields, code, message);

select * from finish();

rollback;
