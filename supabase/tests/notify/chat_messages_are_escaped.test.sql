begin;

select plan(10);

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

select is(
  monitoring.escape_slack('<!channel> & `a`'), '&lt;!channel&gt; &amp; ''a''', 'Slack gets no mention, link or code'
);

select is(
  monitoring.escape_discord('\*_~`|<>[]#@ok'), e'\\\\\\*\\_\\~\\`\\|\\<\\>\\[\\]\\#\\@ok', 'Discord gets no Markdown'
);

select
  is(
    monitoring.write_slack_message(n) ->> 'text',
    'HIGH incident INC-1 opened: TypeError: &lt;b&gt;&amp;"it''s" ''x'' @channel &lt;!here&gt;',
    'a message for Slack has a text for clients without blocks'
  )
from told
where event = 'opened';

select
  is(
    jsonb_path_query_array(monitoring.write_slack_message(n), '$.blocks[*].type'),
    '["header", "section", "section", "section"]'::jsonb, 'a message for Slack has a header, title, message and fields'
  )
from told
where event = 'opened';

select
  is(
    jsonb_path_query_array(monitoring.write_slack_message(n), '$.blocks[*].fields[*].verbatim') @> '[true]',
    true, 'Slack links nothing in a text from outside'
  )
from told
where event = 'opened';

select
  is(
    monitoring.write_discord_message(n) -> 'allowed_mentions', '{"parse": []}'::jsonb, 'a message for Discord mentions nobody'
  )
from told
where event = 'opened';

select
  is(
    monitoring.write_discord_message(n) #>> '{embeds,0,description}',
    e'TypeError: \\<b\\>&"it''s" \\`x\\` \\@channel \\<!here\\>\n```\n[a](https://x.example) *b*\nline 2\n```',
    'a message for Discord shows the title escaped and the message as code'
  )
from told
where event = 'opened';

select
  is(
    jsonb_path_query_array(monitoring.write_teams_message(n), '$.attachments[0].content.body[*].type') - 'RichTextBlock',
    '[]'::jsonb, 'a card for Teams has no element that understands Markdown'
  )
from told
where event = 'opened';

select
  is(
    monitoring.write_teams_message(n) #>> '{attachments,0,content,body,0,inlines,0,color}', 'Good',
    'a card for Teams shows that the incident is over'
  )
from told
where event = 'resolved';

update public.system_config
set value = value || '{"incident_url": "https://status.example.com/{id}"}'
where key = 'incident_policy';

select
  is(
    array[
      monitoring.write_slack_message(n) #>> '{blocks,4,text,text}',
      monitoring.write_discord_message(n) #>> '{embeds,0,url}',
      monitoring.write_teams_message(n) #>> '{attachments,0,content,actions,0,url}'
    ],
    array[
      '<https://status.example.com/INC-1|Open the incident>', 'https://status.example.com/INC-1',
      'https://status.example.com/INC-1'
    ],
    'each message links the incident'
  )
from told
where event = 'opened';

select * from finish();

rollback;
