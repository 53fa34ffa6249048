-- Purpose: reads the webhooks of Uptime Kuma, whose body is {"heartbeat", "monitor", "msg"}.
-- Objects: functions monitoring.read_kuma_tags, monitoring.describe_uptime_kuma_alert,
--   monitoring.read_uptime_kuma_alert.
-- Risks: texts are untrusted: prepare_event() sanitizes the report. These functions must not raise. The ids of monitors
--   are those of one Uptime Kuma: two of them must not use the same webhook.

create function monitoring.read_kuma_tags(monitor jsonb)
returns jsonb
language sql
immutable
parallel safe
security invoker
set search_path = ''
as $$
  select coalesce(
    jsonb_object_agg(
      lower(left(tags.tag ->> 'name', 100)), monitoring.read_lenient_text(tags.tag, 'value') order by tags.position
    ),
    '{}'
  )
  from jsonb_array_elements(
    case jsonb_typeof(read_kuma_tags.monitor -> 'tags') when 'array' then read_kuma_tags.monitor -> 'tags' else '[]' end
  ) with ordinality as tags (tag, position)
  where tags.position <= 50
    and jsonb_typeof(tags.tag) = 'object'
    and jsonb_typeof(tags.tag -> 'name') = 'string'
$$;

comment on function monitoring.read_kuma_tags(jsonb) is
'Returns the tags of a monitor as one object, with their names in lower case. Other values are ignored.';

create function monitoring.describe_uptime_kuma_alert(monitor jsonb, heartbeat jsonb)
returns jsonb
language plpgsql
stable
security invoker
set search_path = ''
as $$
declare
  v_monitor jsonb := describe_uptime_kuma_alert.monitor;
  v_heartbeat jsonb := describe_uptime_kuma_alert.heartbeat;
  v_tags jsonb := monitoring.read_kuma_tags(v_monitor);
  v_name text := coalesce(
    monitoring.read_lenient_text(v_monitor, 'name'),
    'Monitor ' || monitoring.read_lenient_text(v_heartbeat, 'monitorID'),
    'A monitor'
  );
  v_type text := lower(monitoring.read_lenient_text(v_monitor, 'type'));
  v_is_database boolean := coalesce(v_type = any(array['mysql', 'postgres', 'sqlserver', 'mongodb', 'redis']), false);
begin
  return jsonb_strip_nulls(jsonb_build_object(
    'error', jsonb_build_object(
      'message', concat_ws(': ', v_name || ' is down', monitoring.read_lenient_text(v_heartbeat, 'msg'))
    ),
    'source', 'uptime-kuma',
    -- As for our own health checks.
    'severity', coalesce(
      monitoring.read_severity_word(v_tags ->> 'severity')::text, case when v_is_database then 'CRITICAL' else 'HIGH' end
    ),
    'category', case when v_is_database then 'database' else 'infrastructure' end,
    'environment', coalesce(v_tags ->> 'environment', v_tags ->> 'env'),
    'url', case
      -- What the form of Uptime Kuma begins with is no address.
      when monitoring.read_lenient_text(v_monitor, 'url') <> all(array['https://', 'http://'])
        then monitoring.read_lenient_text(v_monitor, 'url')
    end,
    'context', jsonb_build_object(
      'service', coalesce(v_tags ->> 'service', v_name),
      'uptime-kuma', jsonb_build_object(
        'monitor_id', monitoring.read_lenient_text(v_monitor, 'id'),
        'monitor', v_name,
        'group', monitoring.read_lenient_text(v_monitor, 'pathName'),
        'type', v_type,
        'hostname', monitoring.read_lenient_text(v_monitor, 'hostname'),
        'port', monitoring.read_lenient_text(v_monitor, 'port'),
        'retries', monitoring.read_lenient_text(v_heartbeat, 'retries'),
        'tags', nullif(v_tags, '{}')
      )
    )
  ));
end
$$;

comment on function monitoring.describe_uptime_kuma_alert(jsonb, jsonb) is
'Converts a monitor that is down and its heartbeat to a report for prepare_event(). Monitors of databases are CRITICAL,
others HIGH, as our own health checks, unless the tag severity says otherwise; the tags environment and service are
obeyed too.';

create function monitoring.read_uptime_kuma_alert(alert jsonb)
returns monitoring.delivery_intent
language plpgsql
stable
security invoker
set search_path = ''
as $$
declare
  v_monitor jsonb := read_uptime_kuma_alert.alert -> 'monitor';
  v_heartbeat jsonb := read_uptime_kuma_alert.alert -> 'heartbeat';
  v_status text := monitoring.read_lenient_text(v_heartbeat, 'status');
  v_at timestamptz := monitoring.read_timestamp(v_heartbeat -> 'time');
  v_id text := coalesce(
    monitoring.read_lenient_text(v_monitor, 'id'), monitoring.read_lenient_text(v_heartbeat, 'monitorID')
  );
begin
  if jsonb_typeof(v_heartbeat) is distinct from 'object' then
    return monitoring.build_empty_intent('it has no heartbeat: a test, or the notice of an expiring certificate');
  elsif v_status is null or v_status <> all(array['0', '1']) then
    return monitoring.build_empty_intent('its heartbeat is neither down (0) nor up (1)');
  elsif v_id is null then
    return monitoring.build_empty_intent('it does not say which monitor it is about');
  end if;
  return monitoring.build_monitor_intent(
    'uptime-kuma', v_id, v_status = '0', case when v_status = '0' then v_at end, v_at,
    monitoring.describe_uptime_kuma_alert(v_monitor, v_heartbeat)
  );
end
$$;

comment on function monitoring.read_uptime_kuma_alert(jsonb) is
'Reads a webhook of Uptime Kuma. Down (status 0) opens the incident of the monitor or counts one occurrence, up (1)
resolves it. Pending, maintenance, tests and notices of expiring certificates request nothing: no webhook would close
what they open. The same heartbeat, which several notifications of one monitor send, counts once.';
