begin;

select plan(8);

select results_eq(
  $$ select word, monitoring.read_severity_word(word)::text
     from unnest(array['critical', ' Page ', 'P2', 'Warning', 'info', 'purple', '']) with ordinality as words (word, position)
     order by position $$,
  $$ values ('critical', 'CRITICAL'), (' Page ', 'CRITICAL'), ('P2', 'HIGH'), ('Warning', 'MEDIUM'), ('info', 'LOW'),
     ('purple', null), ('', null) $$,
  'words of severity are known'
);

create function monitoring.test_alert()
returns jsonb
language sql
set search_path = ''
as $$
  select '{
    "status": "firing", "fingerprint": "c6eadffa33fcdf37",
    "labels": {"alertname": "DiskFull", "job": "db", "env": "staging", "priority": "p2", "version": "1.2"},
    "annotations": {"summary": "The disk is full", "description": "Of db-1."},
    "startsAt": "2026-01-02T12:00:00.5+02:00", "endsAt": "0001-01-01T00:00:00Z", "generatorURL": "https://p.example/g"
  }'::jsonb
$$;

select is(
  monitoring.describe_labelled_alert(monitoring.test_alert(), 'alertmanager', '{"more": 1}') - 'context',
  '{"error": {"message": "The disk is full\nOf db-1.", "type": "DiskFull"}, "severity": "HIGH", "source": "db",
    "environment": "staging", "release": "1.2"}'::jsonb,
  'an alert is described by its labels and annotations'
);

select is(
  monitoring.describe_labelled_alert('{"labels": 1, "annotations": []}', 'grafana', '{}'),
  '{"error": {"message": "Alert without a name"}, "source": "grafana", "context": {"grafana": {}}}'::jsonb,
  'or by nothing'
);

select results_eq(
  $$ select (intent).fingerprint, (intent).verb, (intent).occurred_at, (intent).external_url
     from (select monitoring.read_alertmanager_alert(monitoring.test_alert()) as intent) as read $$,
  $$ values ('alertmanager:c6eadffa33fcdf37', 'count', '2026-01-02 10:00:00.5Z'::timestamptz, 'https://p.example/g') $$,
  'a firing alert counts as of its begin'
);

select results_eq(
  $$ select (ended).verb, (ended).occurred_at, (ended).occurrence_key = (other).occurrence_key,
       (ended).occurrence_key = (monitoring.read_alertmanager_alert(monitoring.test_alert())).occurrence_key
     from (
       select
         monitoring.read_alertmanager_alert(
           monitoring.test_alert() || '{"status": "resolved", "endsAt": "2026-01-02T10:05:00Z"}'
         ) as ended,
         monitoring.read_alertmanager_alert(
           monitoring.test_alert() || '{"status": "resolved", "endsAt": "2026-01-02T10:05:01Z"}'
         ) as other
     ) as read $$,
  $$ values ('resolve', '2026-01-02 10:05Z'::timestamptz, true, false) $$,
  'an ended one resolves as of its end, once for both of a pair of Alertmanagers'
);

select results_eq(
  $$ select (monitoring.read_grafana_alert(body)).verb, (monitoring.read_grafana_alert(body)).details ->> 'problem'
     from unnest(array[
       '{"status": "firing", "labels": {"alertname": "TestAlert", "instance": "Grafana"}, "fingerprint": "5"}',
       '{"alerts": []}', '{"status": "pending", "fingerprint": "5"}', '{}', '{"ruleId": 1, "state": "paused"}'
     ]::jsonb[]) with ordinality as bodies (body, position)
     order by position $$,
  $$ values (null::text, 'It is the test notification of a contact point.'), (null, 'The notification holds no alert.'),
     (null, 'The status of the alert is neither firing nor resolved.'),
     (null, 'The alert has no fingerprint and no labels.'),
     (null, 'The state of the rule is none of alerting, no_data, error and ok.') $$,
  'what requests nothing says why'
);

select results_eq(
  $$ select (intent).fingerprint, (intent).verb, (intent).occurred_at, (intent).report -> 'severity',
       (intent).report #> '{context,grafana,matches}'
     from (
       select monitoring.read_legacy_grafana_alert(
         '{"ruleId": 7, "ruleName": "CPU", "orgId": 2, "state": "no_data", "tags": {"severity": "critical"}, "evalMatches": []}'
       ) as intent
     ) as read $$,
  $$ values ('grafana:rule-2-7', 'count', null::timestamptz, '"CRITICAL"'::jsonb, '[]'::jsonb) $$,
  'the legacy alerting of Grafana is read'
);

select results_eq(
  $$ select (intent).verb, (intent).occurred_at
     from (select monitoring.build_monitor_intent(
       'grafana', 'x', false, '2026-01-02Z', '2026-01-01Z', '{}') as intent) as read
     union all
     select (intent).verb, (intent).occurred_at
     from (select monitoring.build_empty_intent('why') as intent) as read $$,
  $$ values ('resolve', '2026-01-02Z'::timestamptz), (null::text, null::timestamptz) $$,
  'an end before the begin counts as the begin'
);

select * from finish();

rollback;
