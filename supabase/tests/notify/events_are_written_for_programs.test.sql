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

select results_eq(
  $$ select event::text, monitoring.write_pagerduty_event(n, 'k') ->> 'event_action' from told order by told.event $$,
  $$ values
     ('opened', 'trigger'), ('escalated', 'trigger'), ('reopened', 'trigger'), ('acknowledged', 'acknowledge'),
     ('resolved', 'resolve'), ('reminder', 'trigger'), ('digest', 'trigger'), ('test', 'trigger') $$,
  'an incident triggers, acknowledges and resolves an alert'
);

select
  is(
    monitoring.write_pagerduty_event(n, 'k') - 'payload' - 'client',
    '{"routing_key": "k", "event_action": "trigger", "dedup_key": "INC-1"}'::jsonb,
    'all events of an incident have its id as their key'
  )
from told
where event = 'opened';

select
  is(
    (monitoring.write_pagerduty_event(n, 'k') -> 'payload') - 'custom_details',
    jsonb_build_object(
      'summary', 'HIGH incident INC-1 opened: TypeError: <b>&"it''s" `x` @channel <!here>', 'source', 'shop|',
      'severity', 'error', 'timestamp', '2026-11-26T20:00:30.000Z', 'component', '<prod>', 'group', 'backend',
      'class', 'TypeError'
    ),
    'an alert has what PagerDuty shows'
  )
from told
where event = 'opened';

select results_eq(
  $$ select severity, monitoring.write_pagerduty_event(
       jsonb_populate_record(null::monitoring.notifications, jsonb_build_object(
         'message_id', 'msg_tap', 'event', 'test', 'severity', severity, 'created_at', now()
       )), 'k'
     ) #>> '{payload,severity}'
     from unnest(enum_range(null::public.incident_severity)) as severities (severity) $$,
  $$ values
     ('LOW'::public.incident_severity, 'info'), ('MEDIUM', 'warning'), ('HIGH', 'error'), ('CRITICAL', 'critical') $$,
  'severities are those of PagerDuty'
);

select
  is(
    monitoring.write_webhook_event(n) #- '{data,title}' #- '{data,message}',
    '{"type": "incident.opened", "timestamp": "2026-11-26T20:00:30.000Z", "data": {
    "id": "INC-1", "event": "opened", "severity": "HIGH", "message_id": "msg_tap", "category": "backend",
    "source": "shop|", "environment": "<prod>", "error_type": "TypeError", "from_severity": "LOW", "occurrence_count": 3,
    "first_seen": "2026-11-26T20:00:00+00:00", "occurred_at": "2026-11-26T21:00:30+01:00", "actor": "ann"
  }}'::jsonb,
    'a webhook gets the incident as it was at the transition'
  )
from told
where event = 'opened';

select
  is(
    monitoring.write_webhook_event(n) ->> 'type', 'notification.test', 'a test is no event of an incident'
  )
from told
where event = 'test';

select
  is(
    monitoring.write_agent_event(n, 'fe-agent') - 'claim', monitoring.write_webhook_event(n),
    'an agent gets what a webhook gets'
  )
from told
where event = 'opened';

select
  is(
    monitoring.write_agent_event(n, 'fe-agent') #> '{claim,arguments}',
    '{"agent": "fe-agent", "lease_seconds": 900}'::jsonb, 'an agent is told how to claim an incident'
  )
from told
where event = 'opened';

select * from finish();

rollback;
