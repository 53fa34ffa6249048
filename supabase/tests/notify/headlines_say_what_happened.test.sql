begin;

select plan(4);

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

select results_eq(
  $$ select event::text, monitoring.write_headline(n) from told where event not in ('digest', 'test') order by told.event $$,
  $$ values
     ('opened', 'HIGH incident INC-1 opened'), ('escalated', 'Incident INC-1 escalated from LOW to HIGH'),
     ('reopened', 'HIGH incident INC-1 reopened'), ('acknowledged', 'Incident INC-1 acknowledged'),
     ('resolved', 'Incident INC-1 resolved'), ('reminder', 'Reminder: HIGH incident INC-1 is not acknowledged') $$,
  'the headline says what happened, without words from outside'
);

select results_eq(
  $$ select described.headline, described.title, described.message, described.severity, described.occurred_at
     from told cross join monitoring.describe_notification(n) as described where event = 'opened' $$,
  $$ values (
       'HIGH incident INC-1 opened', 'TypeError: <b>&"it''s" `x` @channel <!here>', e'[a](https://x.example) *b*\nline 2',
       'HIGH'::public.incident_severity, '2026-11-26T20:00:30Z'::timestamptz
     ) $$,
  'title, message and time are those of the transition'
);

select is(
  monitoring.list_notification_facts(
    '{"source": "shop", "release": "", "first_seen": "2026-11-26T20:00:00+00:00", "open_for": "01:30:00.25"}', 'LOW'
  ),
  '[{"name": "Severity", "value": "LOW"}, {"name": "Source", "value": "shop"},
    {"name": "First seen", "value": "2026-11-26 20:00 UTC"}, {"name": "Open for", "value": "01:30:00"}]'::jsonb,
  'fields that are missing or empty are left out'
);

select is(
  monitoring.write_headline(
    jsonb_populate_record(
      null::monitoring.notifications,
      '{"event": "escalated", "severity": "LOW", "incident_id": "INC-1", "details": {"escalated_from": "ops"}}'
    )
  ),
  'Escalation: LOW incident INC-1 is not acknowledged',
  'an escalation to another channel is not one of the severity'
);

select * from finish();

rollback;
