-- Purpose: decides what each kind of Sentry webhook requests: one function per resource, and one that selects it.
-- Objects: functions monitoring.read_sentry_issue, monitoring.read_sentry_event, monitoring.read_sentry_metric_alert,
--   monitoring.read_sentry_activity, monitoring.read_sentry_comment, monitoring.read_legacy_alert,
--   monitoring.read_sentry_intent.
-- Risks: these functions must not raise, whatever the body contains: a body that is not understood is recorded and
--   has no effect.

create function monitoring.read_sentry_issue(action text, body jsonb)
returns monitoring.delivery_intent
language plpgsql
stable
security invoker
set search_path = ''
as $$
declare
  v_issue jsonb := read_sentry_issue.body #> '{data,issue}';
  v_intent monitoring.delivery_intent;
begin
  v_intent.external_id := monitoring.read_lenient_text(v_issue, 'id');
  v_intent.fingerprint := monitoring.sentry_fingerprint('issue', v_intent.external_id);
  if v_intent.fingerprint is null then
    return v_intent;
  end if;
  v_intent.verb := case read_sentry_issue.action
    when 'created' then 'open'
    when 'unresolved' then 'reopen'
    when 'resolved' then 'resolve'
    when 'ignored' then 'suppress'
    when 'archived' then 'suppress'
    when 'assigned' then 'assign'
  end;
  -- A new issue cannot reopen what was resolved after its first event.
  v_intent.occurred_at := case
    when read_sentry_issue.action = 'created' then monitoring.read_timestamp(v_issue -> 'firstSeen')
  end;
  v_intent.report := monitoring.describe_sentry_issue(v_issue);
  v_intent.external_url := coalesce(
    monitoring.read_lenient_text(v_issue, 'permalink'),
    monitoring.read_lenient_text(v_issue, 'web_url'),
    monitoring.read_lenient_text(v_issue, 'url')
  );
  v_intent.details := jsonb_strip_nulls(jsonb_build_object(
    'by', monitoring.find_sentry_name(read_sentry_issue.body -> 'actor'),
    'assignee', case
      when read_sentry_issue.action = 'assigned' then coalesce(
        monitoring.find_sentry_name(v_issue -> 'assignedTo'),
        monitoring.find_sentry_name(read_sentry_issue.body #> '{data,assignee}')
      )
    end,
    'substatus', monitoring.sanitize_text(monitoring.read_lenient_text(v_issue, 'substatus'), 100),
    'status_details', case
      when jsonb_typeof(v_issue -> 'statusDetails') = 'object'
        then nullif(monitoring.sanitize_jsonb(v_issue -> 'statusDetails', 1024), '{}')
    end
  ));
  return v_intent;
end
$$;

comment on function monitoring.read_sentry_issue(text, jsonb) is
'Reads a delivery of the resource issue: created, unresolved, resolved, ignored, archived, assigned.';

create function monitoring.read_sentry_event(event jsonb, rule text)
returns monitoring.delivery_intent
language plpgsql
stable
security invoker
set search_path = ''
as $$
declare
  v_event jsonb := read_sentry_event.event;
  v_event_id text := monitoring.read_lenient_text(v_event, 'event_id');
  v_intent monitoring.delivery_intent;
begin
  if jsonb_typeof(v_event) is distinct from 'object' then
    return v_intent;
  end if;
  v_intent.verb := 'count';
  v_intent.external_id := monitoring.find_sentry_issue_id(v_event);
  v_intent.fingerprint := monitoring.sentry_fingerprint('issue', v_intent.external_id);
  v_intent.occurred_at := coalesce(
    monitoring.read_timestamp(v_event -> 'datetime'),
    monitoring.read_timestamp(v_event -> 'timestamp'),
    monitoring.read_timestamp(v_event -> 'received')
  );
  v_intent.occurrence_key := case
    when v_event_id is not null
      then encode(
        sha256(convert_to(concat_ws(' ', v_event_id, v_intent.fingerprint, read_sentry_event.rule), 'UTF8')), 'hex'
      )
  end;
  v_intent.report := monitoring.describe_sentry_event(v_event);
  if read_sentry_event.rule is not null then
    v_intent.report := jsonb_set(
      v_intent.report, '{context,sentry,alert_rule}', to_jsonb(read_sentry_event.rule)
    );
  end if;
  v_intent.external_url := coalesce(
    monitoring.read_lenient_text(v_event, 'web_url'), monitoring.read_lenient_text(v_event, 'issue_url')
  );
  return v_intent;
end
$$;

comment on function monitoring.read_sentry_event(jsonb, text) is
'Reads a delivery of the resource event_alert or error: an occurrence of the issue of the event.';

create function monitoring.read_sentry_metric_alert(action text, body jsonb)
returns monitoring.delivery_intent
language plpgsql
stable
security invoker
set search_path = ''
as $$
declare
  v_data jsonb := read_sentry_metric_alert.body -> 'data';
  v_alert jsonb := v_data -> 'metric_alert';
  v_name text := coalesce(
    monitoring.read_lenient_text(v_alert, 'alert_rule', 'name'),
    monitoring.read_lenient_text(v_alert, 'title'),
    monitoring.read_lenient_text(v_data, 'description_title')
  );
  v_intent monitoring.delivery_intent;
begin
  v_intent.external_id := coalesce(
    monitoring.read_lenient_text(v_alert, 'alert_rule', 'id'), monitoring.read_lenient_text(v_alert, 'id'), v_name
  );
  v_intent.fingerprint := monitoring.sentry_fingerprint('metric', v_intent.external_id);
  if v_intent.fingerprint is null then
    return v_intent;
  end if;
  v_intent.severity := case read_sentry_metric_alert.action
    when 'critical' then 'CRITICAL' when 'open' then 'HIGH' when 'warning' then 'MEDIUM'
  end::public.incident_severity;
  v_intent.verb := case
    when v_intent.severity is not null then 'measure'
    when read_sentry_metric_alert.action in ('resolved', 'closed') then 'resolve'
  end;
  v_intent.report := jsonb_strip_nulls(jsonb_build_object(
    'error', jsonb_build_object(
      'message', concat_ws(
        ': ', coalesce(v_name, 'Metric alert'), monitoring.read_lenient_text(v_data, 'description_text')
      ),
      'type', 'MetricAlert'
    ),
    'source', 'sentry',
    'severity', v_intent.severity,
    'environment', monitoring.read_lenient_text(v_alert, 'alert_rule', 'environment'),
    'context', jsonb_build_object(
      'sentry', jsonb_build_object(
        'project', coalesce(
          monitoring.read_lenient_text(v_alert, 'projects', '0'),
          monitoring.read_lenient_text(v_alert, 'alert_rule', 'projects', '0')
        ),
        'alert_rule', v_name,
        'query', monitoring.read_lenient_text(v_alert, 'alert_rule', 'query'),
        'aggregate', monitoring.read_lenient_text(v_alert, 'alert_rule', 'aggregate'),
        'description', monitoring.read_lenient_text(v_data, 'description_text')
      )
    )
  ));
  v_intent.external_url := monitoring.read_lenient_text(v_data, 'web_url');
  v_intent.details := jsonb_strip_nulls(jsonb_build_object(
    'by', monitoring.find_sentry_name(read_sentry_metric_alert.body -> 'actor')
  ));
  return v_intent;
end
$$;

comment on function monitoring.read_sentry_metric_alert(text, jsonb) is
'Reads a delivery of the resource metric_alert: critical, warning, open, resolved. Each alert rule has one incident,
with the severity of its latest delivery.';

create function monitoring.read_sentry_activity(body jsonb)
returns monitoring.delivery_intent
language sql
stable
security invoker
set search_path = ''
as $$
  select monitoring.read_sentry_issue(
    case
      when activity.type like '%unresolved%' or activity.type like '%regression%' then 'unresolved'
      when activity.type like '%resolved%' then 'resolved'
    end,
    case
      when jsonb_typeof(read_sentry_activity.body #> '{data,activity,details,user}') = 'object'
        then read_sentry_activity.body
          || jsonb_build_object('actor', read_sentry_activity.body #> '{data,activity,details,user}')
      else read_sentry_activity.body
    end
  )
  from (
    select lower(monitoring.read_lenient_text(read_sentry_activity.body, 'data', 'activity', 'type'))
  ) as activity (type)
$$;

comment on function monitoring.read_sentry_activity(jsonb) is
'Reads a delivery of the resource activity_alert. Resolutions and regressions have an effect, other activities have
none.';

create function monitoring.read_sentry_comment(body jsonb)
returns monitoring.delivery_intent
language plpgsql
stable
security invoker
set search_path = ''
as $$
declare
  v_data jsonb := read_sentry_comment.body -> 'data';
  v_intent monitoring.delivery_intent;
begin
  v_intent.external_id := monitoring.read_lenient_text(v_data, 'issue_id');
  v_intent.fingerprint := monitoring.sentry_fingerprint('issue', v_intent.external_id);
  if v_intent.fingerprint is not null and v_data ? 'comment' then
    v_intent.verb := 'comment';
    v_intent.details := jsonb_strip_nulls(jsonb_build_object(
      'by', monitoring.find_sentry_name(read_sentry_comment.body -> 'actor'),
      'comment', monitoring.sanitize_text(monitoring.read_lenient_text(v_data, 'comment'), 4096),
      'comment_id', monitoring.sanitize_text(monitoring.read_lenient_text(v_data, 'comment_id'), 64)
    ));
  end if;
  return v_intent;
end
$$;

comment on function monitoring.read_sentry_comment(jsonb) is
'Reads a delivery of the resource comment with the action created.';

create function monitoring.read_legacy_alert(body jsonb)
returns monitoring.delivery_intent
language plpgsql
stable
security invoker
set search_path = ''
as $$
declare
  v_body jsonb := read_legacy_alert.body;
  v_event jsonb := case when jsonb_typeof(v_body -> 'event') = 'object' then v_body -> 'event' else '{}' end;
  v_intent monitoring.delivery_intent;
begin
  -- Bodies of GlitchTip and Slack have none of these fields.
  if not v_body ?| array['id', 'culprit', 'triggering_rules', 'project_slug'] then
    return v_intent;
  end if;
  -- Fields of the body complete the fields that its event lacks.
  v_event := jsonb_strip_nulls(jsonb_build_object(
    'issue_id', v_body -> 'id',
    'project_slug', coalesce(v_body -> 'project_slug', v_body -> 'project'),
    'message', nullif(v_body -> 'message', '""'),
    'culprit', v_body -> 'culprit',
    'level', v_body -> 'level',
    'logger', v_body -> 'logger'
  )) || jsonb_strip_nulls(v_event);
  v_intent := monitoring.read_sentry_event(v_event, monitoring.read_lenient_text(v_body, 'triggering_rules', '0'));
  v_intent.external_url := coalesce(monitoring.read_lenient_text(v_body, 'url'), v_intent.external_url);
  return v_intent;
end
$$;

comment on function monitoring.read_legacy_alert(jsonb) is
'Reads the flat body of Sentry''s legacy WebHooks plugin: an occurrence of the issue in it.';

create function monitoring.read_sentry_intent(resource text, action text, body jsonb)
returns monitoring.delivery_intent
language plpgsql
stable
security invoker
set search_path = ''
as $$
declare
  v_body jsonb := read_sentry_intent.body;
  v_action text := lower(read_sentry_intent.action);
  v_intent monitoring.delivery_intent;
begin
  case
    when read_sentry_intent.resource = 'issue' then
      v_intent := monitoring.read_sentry_issue(v_action, v_body);
    when read_sentry_intent.resource = 'event_alert' and coalesce(v_action, 'triggered') = 'triggered' then
      v_intent := monitoring.read_sentry_event(
        v_body #> '{data,event}',
        coalesce(
          monitoring.read_lenient_text(v_body, 'data', 'triggered_rule'),
          monitoring.read_lenient_text(v_body, 'data', 'issue_alert', 'title')
        )
      );
    when read_sentry_intent.resource = 'error' and coalesce(v_action, 'created') = 'created' then
      v_intent := monitoring.read_sentry_event(v_body #> '{data,error}', null);
    when read_sentry_intent.resource = 'metric_alert' then
      v_intent := monitoring.read_sentry_metric_alert(v_action, v_body);
    when read_sentry_intent.resource = 'activity_alert' then
      v_intent := monitoring.read_sentry_activity(v_body);
    when read_sentry_intent.resource = 'comment' and v_action = 'created' then
      v_intent := monitoring.read_sentry_comment(v_body);
    when read_sentry_intent.resource = 'legacy_plugin' then
      v_intent := monitoring.read_legacy_alert(v_body);
    else
      null; -- requests nothing
  end case;
  return v_intent;
end
$$;

comment on function monitoring.read_sentry_intent(text, text, jsonb) is
'Returns what a delivery of Sentry requests, by its resource and action. verb is null when it requests nothing:
installation, seer, preprod_artifact, comment.updated, comment.deleted, and resources unknown today.';
