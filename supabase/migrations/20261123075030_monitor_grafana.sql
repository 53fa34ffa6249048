-- Purpose: reads the notifications of Grafana: those of its unified alerting, one alert a row, and those of the legacy
--   alerting up to version 10.
-- Objects: functions monitoring.split_grafana_delivery, monitoring.read_legacy_grafana_alert,
--   monitoring.read_grafana_alert.
-- Risks: these functions must not raise, whatever the body contains.

create function monitoring.split_grafana_delivery(body jsonb)
returns table (alert_position integer, alert jsonb)
language sql
stable
security invoker
set search_path = ''
as $$
  select parts.alert_position, parts.alert
  from monitoring.read_alert_list(
    split_grafana_delivery.body,
    jsonb_build_object(
      'receiver', split_grafana_delivery.body -> 'receiver',
      'group_key', split_grafana_delivery.body -> 'groupKey',
      'external_url', split_grafana_delivery.body -> 'externalURL',
      'org_id', split_grafana_delivery.body -> 'orgId',
      'truncated_alerts', nullif(split_grafana_delivery.body -> 'truncatedAlerts', '0')
    )
  ) as parts
$$;

comment on function monitoring.split_grafana_delivery(jsonb) is
'Returns the alerts of a notification of Grafana. Each has the receiver, the key of its group, the address and
organisation of Grafana and the number of alerts that were left out.';

create function monitoring.read_legacy_grafana_alert(body jsonb)
returns monitoring.delivery_intent
language plpgsql
stable
security invoker
set search_path = ''
as $$
declare
  v_body jsonb := read_legacy_grafana_alert.body;
  v_state text := lower(monitoring.read_lenient_text(v_body, 'state'));
  v_name text := monitoring.read_lenient_text(v_body, 'ruleName');
  v_rule text := coalesce(monitoring.read_lenient_text(v_body, 'ruleId'), v_name);
  v_tags jsonb := case when jsonb_typeof(v_body -> 'tags') = 'object' then v_body -> 'tags' end;
  v_intent monitoring.delivery_intent;
begin
  if v_name = 'Test notification' then
    return monitoring.build_empty_intent('It is a test notification of Grafana.');
  elsif v_rule is null or (v_state = any(array['alerting', 'no_data', 'error', 'ok'])) is not true then
    return monitoring.build_empty_intent('The state of the rule is none of alerting, no_data, error and ok.');
  end if;
  v_intent := monitoring.build_monitor_intent(
    'grafana',
    concat_ws('-', 'rule', monitoring.read_lenient_text(v_body, 'orgId'), v_rule),
    v_state <> 'ok',
    null,
    null,
    jsonb_strip_nulls(jsonb_build_object(
      'error', jsonb_build_object(
        'message', coalesce(
          monitoring.read_lenient_text(v_body, 'message'), v_name, monitoring.read_lenient_text(v_body, 'title'),
          'Alert without a name'
        ),
        'type', v_name
      ),
      'severity', coalesce(
        monitoring.read_severity_word(monitoring.read_lenient_text(v_tags, 'severity')),
        monitoring.read_severity_word(monitoring.read_lenient_text(v_tags, 'priority'))
      ),
      'source', 'grafana',
      'environment', coalesce(
        monitoring.read_lenient_text(v_tags, 'environment'), monitoring.read_lenient_text(v_tags, 'env')
      ),
      'context', jsonb_build_object(
        'grafana', jsonb_build_object(
          'state', v_state,
          'title', v_body -> 'title',
          'rule_id', v_body -> 'ruleId',
          'org_id', v_body -> 'orgId',
          'matches', v_body -> 'evalMatches',
          'tags', v_tags,
          'image_url', v_body -> 'imageUrl'
        )
      )
    ))
  );
  v_intent.external_url := monitoring.read_lenient_text(v_body, 'ruleUrl');
  return v_intent;
end
$$;

comment on function monitoring.read_legacy_grafana_alert(jsonb) is
'Reads a notification of the legacy alerting of Grafana: alerting, no_data and error open or fold, ok closes. It says no
time: the order of arrival counts.';

create function monitoring.read_grafana_alert(alert jsonb)
returns monitoring.delivery_intent
language plpgsql
stable
security invoker
set search_path = ''
as $$
declare
  v_alert jsonb := read_grafana_alert.alert;
  v_status text := lower(monitoring.read_lenient_text(v_alert, 'status'));
  v_id text := coalesce(
    monitoring.read_lenient_text(v_alert, 'fingerprint'),
    case when jsonb_typeof(v_alert -> 'labels') = 'object' then nullif(v_alert -> 'labels', '{}')::text end
  );
  v_intent monitoring.delivery_intent;
begin
  if v_alert ?| array['ruleId', 'ruleName'] then
    return monitoring.read_legacy_grafana_alert(v_alert);
  elsif v_alert ? 'alerts' then
    return monitoring.build_empty_intent('The notification holds no alert.');
  elsif v_alert @> '{"labels": {"alertname": "TestAlert", "instance": "Grafana"}}' then
    return monitoring.build_empty_intent('It is the test notification of a contact point.');
  elsif v_id is null then
    return monitoring.build_empty_intent('The alert has no fingerprint and no labels.');
  elsif (v_status = any(array['firing', 'resolved'])) is not true then
    return monitoring.build_empty_intent('The status of the alert is neither firing nor resolved.');
  end if;
  v_intent := monitoring.build_monitor_intent(
    'grafana',
    v_id,
    v_status = 'firing',
    monitoring.read_timestamp(v_alert -> 'startsAt'),
    monitoring.read_timestamp(v_alert -> 'endsAt'),
    monitoring.describe_labelled_alert(v_alert, 'grafana', jsonb_build_object(
      'values', v_alert -> 'values',
      'value_string', v_alert -> 'valueString',
      'dashboard_url', nullif(v_alert -> 'dashboardURL', '""'),
      'panel_url', nullif(v_alert -> 'panelURL', '""'),
      'silence_url', nullif(v_alert -> 'silenceURL', '""'),
      'image_url', nullif(v_alert -> 'imageURL', '""')
    ))
  );
  v_intent.external_url := coalesce(
    monitoring.read_lenient_text(v_alert, 'generatorURL'),
    monitoring.read_lenient_text(v_alert, 'panelURL'),
    monitoring.read_lenient_text(v_alert, 'dashboardURL'),
    monitoring.read_lenient_text(v_alert, 'notification', 'external_url')
  );
  return v_intent;
end
$$;

comment on function monitoring.read_grafana_alert(jsonb) is
'Reads an alert of Grafana: firing opens or folds, resolved closes, also for alerts about missing data and about errors
of a query. The test of a contact point is recorded, because nothing would close its incident.';
