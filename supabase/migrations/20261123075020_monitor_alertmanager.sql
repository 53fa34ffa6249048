-- Purpose: reads the notifications of Prometheus Alertmanager (webhook, version 4): one alert a row.
-- Objects: functions monitoring.split_alertmanager_delivery, monitoring.read_alertmanager_alert.
-- Risks: these functions must not raise, whatever the body contains.

create function monitoring.split_alertmanager_delivery(body jsonb)
returns table (alert_position integer, alert jsonb)
language sql
stable
security invoker
set search_path = ''
as $$
  select parts.alert_position, parts.alert
  from monitoring.read_alert_list(
    split_alertmanager_delivery.body,
    jsonb_build_object(
      'receiver', split_alertmanager_delivery.body -> 'receiver',
      'group_key', split_alertmanager_delivery.body -> 'groupKey',
      'external_url', split_alertmanager_delivery.body -> 'externalURL',
      'truncated_alerts', nullif(split_alertmanager_delivery.body -> 'truncatedAlerts', '0')
    )
  ) as parts
$$;

comment on function monitoring.split_alertmanager_delivery(jsonb) is
'Returns the alerts of a notification of Alertmanager. Each has the receiver, the key of its group, the address of
Alertmanager and the number of alerts that max_alerts left out.';

create function monitoring.read_alertmanager_alert(alert jsonb)
returns monitoring.delivery_intent
language plpgsql
stable
security invoker
set search_path = ''
as $$
declare
  v_alert jsonb := read_alertmanager_alert.alert;
  v_status text := lower(monitoring.read_lenient_text(v_alert, 'status'));
  v_id text := coalesce(
    monitoring.read_lenient_text(v_alert, 'fingerprint'),
    case when jsonb_typeof(v_alert -> 'labels') = 'object' then nullif(v_alert -> 'labels', '{}')::text end
  );
  v_intent monitoring.delivery_intent;
begin
  if v_alert ? 'alerts' then
    return monitoring.build_empty_intent('The notification holds no alert.');
  elsif v_id is null then
    return monitoring.build_empty_intent('The alert has no fingerprint and no labels.');
  elsif (v_status = any(array['firing', 'resolved'])) is not true then
    return monitoring.build_empty_intent('The status of the alert is neither firing nor resolved.');
  end if;
  v_intent := monitoring.build_monitor_intent(
    'alertmanager',
    v_id,
    v_status = 'firing',
    -- 0001-01-01, which stands for none, is no plausible time: null.
    monitoring.read_timestamp(v_alert -> 'startsAt'),
    monitoring.read_timestamp(v_alert -> 'endsAt'),
    monitoring.describe_labelled_alert(v_alert, 'alertmanager', '{}')
  );
  v_intent.external_url := coalesce(
    monitoring.read_lenient_text(v_alert, 'generatorURL'),
    monitoring.read_lenient_text(v_alert, 'notification', 'external_url')
  );
  return v_intent;
end
$$;

comment on function monitoring.read_alertmanager_alert(jsonb) is
'Reads an alert of Alertmanager: firing opens or folds, resolved closes. The incident is that of its fingerprint, which
Alertmanager computes from the labels; both of a pair of Alertmanagers compute the same.';
