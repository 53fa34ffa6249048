-- Purpose: selects the reader of a delivery by its kind: what it consists of, and what each part requests.
-- Objects: type monitoring.delivery_intent; functions monitoring.split_delivery, monitoring.trim_delivery_body,
--   monitoring.read_delivery_time, monitoring.read_intent.
-- Risks: readers must not raise, whatever a body contains: what is not understood is recorded and has no effect. Each
--   kind has readers of its own in the topics sentry and monitor; a new kind needs a line here, in the CHECK of
--   monitoring.deliveries and in that of public.incidents.

create type monitoring.delivery_intent as (
  verb text,
  fingerprint text,
  sent_at timestamptz,
  occurred_at timestamptz,
  occurrence_key text,
  report jsonb,
  severity public.incident_severity,
  external_id text,
  external_url text,
  details jsonb,
  sender text
);

comment on type monitoring.delivery_intent is
'What a delivery requests. verb is count (an occurrence), open, reopen, measure (open with exactly this severity),
resolve, suppress, assign, comment or deploy; null requests nothing, and details.problem can say why. report is an event for prepare_event(). sent_at orders
the deliveries about one incident, see read_delivery_time(); occurred_at is when the event happened, by the clock of the
reporting program or monitor. occurrence_key makes the same event of the same alert rule count once. details are
sanitized. sender is as in incidents.sender.';

create function monitoring.split_delivery(kind text, name text, body jsonb)
returns table (alert_position integer, alert jsonb)
language plpgsql
stable
security invoker
set search_path = ''
as $$
begin
  case split_delivery.kind
    when 'alertmanager' then
      return query select parts.* from monitoring.split_alertmanager_delivery(split_delivery.body) as parts;
    when 'grafana' then
      return query select parts.* from monitoring.split_grafana_delivery(split_delivery.body) as parts;
    when 'generic' then
      return query
      select parts.*
      from monitoring.split_generic_delivery(split_delivery.name, split_delivery.body) as parts;
    else
      null; -- one alert a delivery
  end case;
  if not found then
    return query select 1, split_delivery.body;
  end if;
end
$$;

comment on function monitoring.split_delivery(text, text, jsonb) is
'Returns the alerts of a delivery, from position 1, each with what its reader needs of the others: at least one row,
which is the body itself if it holds no list of alerts. name is that of a generic sender.';

create function monitoring.trim_delivery_body(kind text, body jsonb)
returns jsonb
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $$
begin
  return case
    when jsonb_typeof(trim_delivery_body.body) is distinct from 'object' then '{}'
    when trim_delivery_body.kind = 'sentry' then monitoring.trim_sentry_body(trim_delivery_body.body)
    else trim_delivery_body.body
  end;
end
$$;

comment on function monitoring.trim_delivery_body(text, jsonb) is
'Returns the body of a delivery without bulk data. An empty object for a body that is no object.';

create function monitoring.read_delivery_time(kind text, occurred_at timestamptz, sent_at timestamptz)
returns timestamptz
language sql
immutable
parallel safe
security invoker
set search_path = ''
as $$
  select case
    when read_delivery_time.kind = 'sentry' or read_delivery_time.occurred_at is null then read_delivery_time.sent_at
    else greatest(read_delivery_time.occurred_at, read_delivery_time.sent_at - interval '24 hours')
  end
$$;

comment on function monitoring.read_delivery_time(text, timestamptz, timestamptz) is
'Returns the time that orders the deliveries about one incident. Sentry says when it sent each. Other monitors say when
an alert began or ended, which decides whatever the order of arrival is: at most 24 hours before the delivery.';

create function monitoring.read_intent(
  kind text, name text, resource text, action text, alert jsonb, sent_at timestamptz
)
returns monitoring.delivery_intent
language plpgsql
stable
security invoker
set search_path = ''
as $$
declare
  v_alert jsonb := read_intent.alert;
  v_intent monitoring.delivery_intent;
begin
  case read_intent.kind
    when 'sentry' then
      v_intent := monitoring.read_sentry_intent(read_intent.resource, read_intent.action, v_alert);
    when 'alertmanager' then
      v_intent := monitoring.read_alertmanager_alert(v_alert);
    when 'grafana' then
      v_intent := monitoring.read_grafana_alert(v_alert);
    when 'uptime-kuma' then
      v_intent := monitoring.read_uptime_kuma_alert(v_alert);
    when 'github' then
      v_intent := monitoring.read_github_event(read_intent.resource, v_alert);
    when 'generic' then
      v_intent := monitoring.read_generic_alert(read_intent.name, v_alert);
  end case;
  v_intent.sender := monitoring.delivery_sender(read_intent.kind, read_intent.name);
  v_intent.sent_at := monitoring.read_delivery_time(read_intent.kind, v_intent.occurred_at, read_intent.sent_at);
  if not monitoring.is_allowed_link(v_intent.external_url) then
    -- Consoles render external_url as a link; in the context it is text.
    v_intent.report := jsonb_set(
      v_intent.report, array['context', read_intent.kind, 'link'], to_jsonb(v_intent.external_url)
    );
    v_intent.external_url := null;
  end if;
  return v_intent;
end
$$;

comment on function monitoring.read_intent(text, text, text, text, jsonb, timestamptz) is
'Returns what an alert of a delivery requests. verb is null when it requests nothing, or is not understood. A link that
does not lead to a host in incident_policy.link_hosts is moved to the context, under the kind of the sender.';
