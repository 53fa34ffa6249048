begin;

select plan(8);

create temporary view told as
select
  event,
  jsonb_populate_record(
    null::monitoring.notifications,
    jsonb_build_object(
      'id', 1, 'message_id', 'msg_tap', 'channel', 'ops', 'incident_id', 'INC-1', 'event', event, 'severity', 'HIGH',
      'created_at', '2026-11-26T20:00:00Z', 'email_id', 7,
      'details', jsonb_build_object(
        'title', 'TypeError: <b>&"it''s" `x` @channel <!here>', 'message', e'[a](https://x.example) *b*\nline 2',
        'category', 'backend', 'source', 'shop|', 'environment', '<prod>', 'error_type', 'TypeError',
        'from_severity', 'LOW', 'occurrence_count', 3, 'first_seen', '2026-11-26T20:00:00+00:00',
        'occurred_at', '2026-11-26T21:00:30+01:00', 'actor', 'ann'
      )
    )
  ) as n
from unnest(enum_range(null::monitoring.notification_event)) as events (event);

create temporary view channel as
select
  provider,
  jsonb_populate_record(
    null::monitoring.notification_channels,
    jsonb_build_object(
      'name', 'ops <1>', 'kind', 'email', 'provider', provider, 'email', 'ann@example.com',
      'from_address', 'Monitoring <m@example.com>', 'token_secret', 'tap_token'
    )
  ) as channel
from unnest(array['resend', 'postmark']) as providers (provider);

insert into monitoring.secrets (name, value) values ('tap_token', e'tap-value\n');

select is(monitoring.escape_html('<a href="x">it''s & so</a>'), '&lt;a href=&quot;x&quot;&gt;it&#39;s &amp; so&lt;/a&gt;', 'HTML is escaped');

select
  is(
    monitoring.write_email(n, channel) ->> 'subject',
    '[HIGH] INC-1 TypeError: <b>&"it''s" `x` @channel <!here>', 'the subject has severity, id and title'
  )
from told
cross join channel
where event = 'opened' and provider = 'resend';

select
  is(
    monitoring.write_email(n, channel) ->> 'text',
    e'HIGH incident INC-1 opened\n\nTypeError: <b>&"it''s" `x` @channel <!here>\n\n[a](https://x.example) *b*\nline 2\n\n'
    || e'Severity: HIGH\nCategory: backend\nSource: shop|\nEnvironment: <prod>\nOccurrences: 3\n'
    || e'First seen: 2026-11-26 20:00 UTC\nBy: ann\n\n-- \n'
    || 'You get this e-mail because notification_recipients has your address (channel ops <1>).',
    'the text part is plain'
  )
from told
cross join channel
where event = 'opened' and provider = 'resend';

select
  is(
    replace(monitoring.write_email(n, channel) ->> 'html', 'ops &lt;1&gt;', '') ~ '<b>|<prod>|<!here>|ops <1>', false,
    'the HTML part has no markup from outside'
  )
from told
cross join channel
where event = 'opened' and provider = 'resend';

select
  is(
    request.body - 'html' - 'text' - 'subject',
    '{"from": "Monitoring <m@example.com>", "to": ["ann@example.com"], "headers": {"Auto-Submitted": "auto-generated"},
    "tags": [{"name": "email_id", "value": "7"}, {"name": "message_id", "value": "msg_tap"}]}'::jsonb,
    'Resend gets a body with the ids of the e-mail and of the message as tags'
  )
from told
cross join channel
cross join monitoring.write_notification_request(n, channel) as request
where event = 'opened' and provider = 'resend';

select
  is(
    request.headers,
    '{"Content-Type": "application/json", "Authorization": "Bearer tap-value", "Idempotency-Key": "msg_tap"}'::jsonb,
    'Resend gets a key by which it recognizes a second attempt'
  )
from told
cross join channel
cross join monitoring.write_notification_request(n, channel) as request
where event = 'opened' and provider = 'resend';

select
  is(
    request.body - 'HtmlBody' - 'TextBody' - 'Subject',
    '{"From": "Monitoring <m@example.com>", "To": "ann@example.com", "MessageStream": "outbound",
    "Headers": [{"Name": "Auto-Submitted", "Value": "auto-generated"}],
    "Metadata": {"email_id": "7", "message_id": "msg_tap"}}'::jsonb,
    'Postmark gets a body with the id of the e-mail as metadata'
  )
from told
cross join channel
cross join monitoring.write_email_request(n, channel) as request
where event = 'opened' and provider = 'postmark';

select
  is(
    (monitoring.write_email_text(described, 'ops') || monitoring.write_email_html(described, 'ops'))
    like '%Notifications of this channel arrive here.%Notifications of this channel arrive here.%', true,
    'a test says that e-mails arrive'
  )
from told
cross join monitoring.describe_notification(n) as described
where event = 'test';

select * from finish();

rollback;
