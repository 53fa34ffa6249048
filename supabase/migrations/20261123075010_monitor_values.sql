-- Purpose: reads what the webhooks of other monitors have in common: words of severity, labels, begin and end of an
--   alert.
-- Objects: functions monitoring.read_severity_word, monitoring.read_alert_list, monitoring.describe_labelled_alert,
--   monitoring.build_monitor_intent, monitoring.build_empty_intent.
-- Risks: these functions must not raise, whatever the body contains. Texts are untrusted: prepare_event() sanitizes the
--   report.

create function monitoring.read_severity_word(word text)
returns public.incident_severity
language sql
immutable
parallel safe
security invoker
set search_path = ''
as $$
  select case
    when given.word = any(
      array['critical', 'crit', 'fatal', 'emergency', 'emerg', 'alert', 'disaster', 'page', 'p0', 'p1', 'sev0', 'sev1']
    ) then 'CRITICAL'
    when given.word = any(array['high', 'error', 'err', 'major', 'urgent', 'p2', 'sev2']) then 'HIGH'
    when given.word = any(array['medium', 'warning', 'warn', 'moderate', 'average', 'minor', 'p3', 'sev3']) then 'MEDIUM'
    when given.word = any(
      array['low', 'info', 'information', 'informational', 'notice', 'debug', 'none', 'p4', 'p5', 'sev4', 'sev5']
    ) then 'LOW'
  end::public.incident_severity
  from (select lower(btrim(left(read_severity_word.word, 100)))) as given (word)
$$;

comment on function monitoring.read_severity_word(text) is
'Returns the severity that a word of a monitor stands for, such as warning or P1. Null for other words.';

create function monitoring.read_alert_list(body jsonb, common jsonb)
returns table (alert_position integer, alert jsonb)
language sql
immutable
parallel safe
security invoker
set search_path = ''
as $$
  select
    items.position::integer,
    case jsonb_typeof(items.item) when 'object' then items.item else '{}' end || shared.members
  from (
    select jsonb_build_object(
      'notification', monitoring.keep_small_members(jsonb_strip_nulls(read_alert_list.common), 2048)
    ) as members
    offset 0 -- evaluated once
  ) as shared
  cross join jsonb_array_elements(
    case jsonb_typeof(read_alert_list.body -> 'alerts') when 'array' then read_alert_list.body -> 'alerts' else '[]' end
  ) with ordinality as items (item, position)
$$;

comment on function monitoring.read_alert_list(jsonb, jsonb) is
'Returns the members of alerts in the body of a notification, each with what the notification says about all of them,
of which values are left out that exceed 2 kB together.';

create function monitoring.describe_labelled_alert(alert jsonb, kind text, details jsonb)
returns jsonb
language plpgsql
stable
security invoker
set search_path = ''
as $$
declare
  v_alert jsonb := describe_labelled_alert.alert;
  v_labels jsonb := case when jsonb_typeof(v_alert -> 'labels') = 'object' then v_alert -> 'labels' end;
  v_notes jsonb := case when jsonb_typeof(v_alert -> 'annotations') = 'object' then v_alert -> 'annotations' end;
  v_name text := monitoring.read_lenient_text(v_labels, 'alertname');
  v_summary text := coalesce(
    monitoring.read_lenient_text(v_notes, 'summary'), monitoring.read_lenient_text(v_notes, 'title')
  );
  v_description text := coalesce(
    monitoring.read_lenient_text(v_notes, 'description'), monitoring.read_lenient_text(v_notes, 'message')
  );
begin
  return jsonb_strip_nulls(jsonb_build_object(
    'error', jsonb_build_object(
      'message', coalesce(
        nullif(concat_ws(e'\n', v_summary, nullif(v_description, v_summary)), ''), v_name, 'Alert without a name'
      ),
      'type', v_name
    ),
    'severity', coalesce(
      monitoring.read_severity_word(monitoring.read_lenient_text(v_labels, 'severity')),
      monitoring.read_severity_word(monitoring.read_lenient_text(v_labels, 'priority'))
    ),
    'source', coalesce(
      monitoring.read_lenient_text(v_labels, 'job'),
      monitoring.read_lenient_text(v_labels, 'service'),
      monitoring.read_lenient_text(v_labels, 'instance'),
      describe_labelled_alert.kind
    ),
    'environment', coalesce(
      monitoring.read_lenient_text(v_labels, 'environment'), monitoring.read_lenient_text(v_labels, 'env')
    ),
    'release', monitoring.read_lenient_text(v_labels, 'version'),
    'context', jsonb_build_object(
      describe_labelled_alert.kind, jsonb_build_object(
        'alertname', v_name,
        'labels', v_labels,
        'annotations', v_notes,
        'starts_at', monitoring.read_lenient_text(v_alert, 'startsAt'),
        'fingerprint', monitoring.read_lenient_text(v_alert, 'fingerprint'),
        'generator_url', monitoring.read_lenient_text(v_alert, 'generatorURL'),
        'notification', v_alert -> 'notification'
      ) || describe_labelled_alert.details
    )
  ));
end
$$;

comment on function monitoring.describe_labelled_alert(jsonb, text, jsonb) is
'Converts an alert with labels and annotations to a report for prepare_event(). The message is annotations.summary and
annotations.description, else the name of the alert, which is the type; labels.severity or labels.priority is obeyed.
details are added to what the context holds under the kind.';

create function monitoring.build_monitor_intent(
  sender text, id text, is_firing boolean, started_at timestamptz, ended_at timestamptz, report jsonb
)
returns monitoring.delivery_intent
language plpgsql
immutable
security invoker
set search_path = ''
as $$
declare
  v_intent monitoring.delivery_intent;
begin
  v_intent.external_id := build_monitor_intent.id;
  v_intent.fingerprint := monitoring.delivery_fingerprint(build_monitor_intent.sender, build_monitor_intent.id);
  v_intent.verb := case when build_monitor_intent.is_firing then 'count' else 'resolve' end;
  v_intent.occurred_at := case
    when build_monitor_intent.is_firing then build_monitor_intent.started_at
    when build_monitor_intent.ended_at is not null
      then greatest(build_monitor_intent.started_at, build_monitor_intent.ended_at)
  end;
  v_intent.occurrence_key := encode(
    sha256(
      convert_to(
        v_intent.fingerprint || ' ' || v_intent.verb || ' '
        || extract(epoch from coalesce(build_monitor_intent.started_at, v_intent.occurred_at)),
        'UTF8'
      )
    ), 'hex'
  );
  v_intent.report := build_monitor_intent.report;
  v_intent.details := '{}'::jsonb;
  return v_intent;
end
$$;

comment on function monitoring.build_monitor_intent(text, text, boolean, timestamptz, timestamptz, jsonb) is
'Returns the intent of an alert of a monitor: count while it fires, resolve when it has ended. An alert that fires again
has a new begin: a notification with the same begin is a repeat, which neither counts nor reopens, whoever sends it.';

create function monitoring.build_empty_intent(problem text)
returns monitoring.delivery_intent
language plpgsql
stable
security invoker
set search_path = ''
as $$
declare
  v_intent monitoring.delivery_intent;
begin
  v_intent.details := jsonb_build_object('problem', monitoring.sanitize_text(build_empty_intent.problem, 500));
  return v_intent;
end
$$;

comment on function monitoring.build_empty_intent(text) is
'Returns the intent of what requests nothing, and why: monitoring.deliveries.error shows it.';
