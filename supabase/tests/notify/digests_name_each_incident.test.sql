begin;

select plan(6);

-- The ids are as long as those of ten thousand million incidents.
create temporary view digest as
select
  jsonb_populate_record(
    null::monitoring.notifications,
    jsonb_build_object(
      'id', 1, 'message_id', 'msg_tap', 'channel', 'ops', 'event', 'digest', 'severity', 'CRITICAL', 'created_at', now(),
      'details', jsonb_build_object(
        'count', 200,
        'worst', '{"id": "INC-9000000000", "severity": "CRITICAL", "title": "the worst"}'::jsonb,
        'notifications', jsonb_agg(
          jsonb_build_object(
            'incident_id', 'INC-' || 9000000000 + number,
            'event', (array['opened', 'escalated', 'reopened', 'acknowledged', 'resolved', 'reminder'])[1 + number % 6],
            'severity', (enum_range(null::public.incident_severity))[1 + number / 6 % 4]
          )
          order by number
        )
      )
    )
  ) as n
from generate_series(0, 199) as numbers (number);

create temporary view bodies as
select
  kind,
  body
from digest
cross join lateral (
  values
  ('slack', monitoring.write_slack_message(n)),
  ('discord', monitoring.write_discord_message(n)),
  ('teams', monitoring.write_teams_message(n)),
  ('pagerduty', monitoring.write_pagerduty_event(n, 'key')),
  ('webhook', monitoring.write_webhook_event(n)),
  ('email', monitoring.write_email(n, null::monitoring.notification_channels))
) as written (kind, body);

select is(
  (select monitoring.write_headline(n) from digest), '200 more incidents, worst: CRITICAL INC-9000000000',
  'the headline has the number and the worst incident'
);

select is_empty(
  $$ select kind, number from bodies cross join generate_series(0, 199) as numbers (number)
     where strpos(body::text, 'INC-' || 9000000000 + number) = 0 $$,
  'each message names each of 200 incidents'
);

select is(
  monitoring.list_digest_facts(
    '{"notifications": [
      {"incident_id": "INC-3", "event": "resolved", "severity": "LOW"},
      {"incident_id": "INC-1", "event": "opened", "severity": "LOW"},
      {"incident_id": "INC-2", "event": "opened", "severity": "HIGH"},
      {"incident_id": "INC-4", "event": "opened", "severity": "LOW"}]}'
  ),
  '[{"name": "Opened, HIGH", "value": "INC-2"}, {"name": "Opened, LOW", "value": "INC-1, INC-4"},
    {"name": "Resolved, LOW", "value": "INC-3"}]'::jsonb,
  'incidents are grouped by event and severity'
);

select cmp_ok(
  length((
    select body #>> '{embeds,0,description}' from bodies
    where kind = 'discord'
  )), '<=', 4096,
  'the description fits Discord'
);

select cmp_ok(
  (
    select max(octet_length(body::text)) from bodies
    where kind in ('slack', 'teams')
  ), '<', 13000,
  'the messages fit Slack and Teams'
);

select is(
  monitoring.list_digest_titles(
    '{"notifications": [{"incident_id": "INC-3", "event": "resolved", "severity": "LOW", "title": "a\tb"}]}'
  ),
  '[{"name": "INC-3", "value": "resolved, LOW: a b"}]'::jsonb,
  'e-mails have the titles'
);

select * from finish();

rollback;
