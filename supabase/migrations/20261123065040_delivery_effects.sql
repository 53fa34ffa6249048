-- Purpose: applies what a delivery requests to its incident.
-- Objects: type monitoring.delivery_outcome; functions monitoring.prepare_delivered_report,
--   monitoring.enrich_delivered_incident, monitoring.open_delivered_incident, monitoring.change_delivered_incident,
--   monitoring.find_latest_sent_at, monitoring.find_resolution_sent_at, monitoring.is_late_delivery,
--   monitoring.lock_latest_incident, monitoring.apply_intent.
-- Risks: the caller must hold the advisory lock of the fingerprint, which serializes deliveries about one issue.

create type monitoring.delivery_outcome as (effect text, incident_id text);

comment on type monitoring.delivery_outcome is
'The effect of a delivery, as in deliveries.effect, and the incident it applied to.';

create function monitoring.prepare_delivered_report(intent monitoring.delivery_intent)
returns monitoring.prepared_event
language plpgsql
stable
security invoker
set search_path = ''
as $$
declare
  v_sender text := (prepare_delivered_report.intent).sender;
  v_prepared monitoring.prepared_event := monitoring.prepare_event(
    (prepare_delivered_report.intent).report, 1, v_sender
  );
begin
  if v_sender = 'sentry' then
    v_prepared.source := 'sentry';
  end if;
  v_prepared.fingerprint := coalesce((prepare_delivered_report.intent).fingerprint, v_prepared.fingerprint);
  if v_sender = 'sentry' and monitoring.is_raised_by_sentry(
    (prepare_delivered_report.intent).report ->> 'level', v_prepared.severity, v_prepared.rule
  ) then
    v_prepared.severity := 'CRITICAL';
    v_prepared.rule := 'fallback_level_fatal';
  end if;
  if (prepare_delivered_report.intent).severity is not null then
    v_prepared.rule := 'sentry_metric_alert';
  end if;
  v_prepared.happened_at := coalesce(
    monitoring.choose_time(
      (prepare_delivered_report.intent).occurred_at, (prepare_delivered_report.intent).sent_at
    ),
    -- As in open_envelope().
    greatest((prepare_delivered_report.intent).sent_at, now() - interval '29 days'),
    clock_timestamp()
  );
  v_prepared.is_summary := (prepare_delivered_report.intent).verb <> all(array['count', 'measure']);
  return v_prepared;
end
$$;

comment on function monitoring.prepare_delivered_report(monitoring.delivery_intent) is
'Prepares the report of a delivery like any event. It happened when its sender says, see choose_time(), else when it was
sent. A delivery about an issue of Sentry replaces no sample. The level fatal of Sentry makes it CRITICAL at least,
unless a rule of the operator gave the severity.';

create function monitoring.enrich_delivered_incident(
  incident_id text, prepared monitoring.prepared_event, intent monitoring.delivery_intent
)
returns void
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  v_prepared monitoring.prepared_event := enrich_delivered_incident.prepared;
  v_link text := monitoring.sanitize_text((enrich_delivered_incident.intent).external_url, 2048);
  v_id text := split_part((enrich_delivered_incident.intent).fingerprint, ':', -1);
  v_key text := split_part((enrich_delivered_incident.intent).sender, ':', 1);
begin
  -- An issue contains the link and the assignee, an event the stack: whichever arrives first, both are kept.
  update public.incidents
  set
    external_id = coalesce(incidents.external_id, v_id),
    external_url = coalesce(incidents.external_url, v_link),
    stack = coalesce(incidents.stack, v_prepared.stack),
    error_type = coalesce(incidents.error_type, v_prepared.error_type),
    environment = coalesce(incidents.environment, v_prepared.environment),
    release = coalesce(incidents.release, v_prepared.release),
    url = coalesce(incidents.url, v_prepared.url),
    context = known.context
  from (
    select
      live.id,
      case
        when octet_length(live.context::text) + octet_length(v_prepared.context::text) > 65536 then live.context
        else v_prepared.context || live.context || jsonb_build_object(
          v_key, coalesce(live.context -> v_key, '{}') || coalesce(v_prepared.context -> v_key, '{}')
        )
      end as context
    from public.incidents as live
    where live.id = enrich_delivered_incident.incident_id
  ) as known
  where incidents.id = known.id
    and (
      incidents.context <> known.context
      or (incidents.external_id is null and v_id is not null)
      or (incidents.external_url is null and v_link is not null)
      or (incidents.stack is null and v_prepared.stack is not null)
      or (incidents.error_type is null and v_prepared.error_type is not null)
      or (incidents.environment is null and v_prepared.environment is not null)
      or (incidents.release is null and v_prepared.release is not null)
      or (incidents.url is null and v_prepared.url is not null)
    );
end
$$;

comment on function monitoring.enrich_delivered_incident(text, monitoring.prepared_event, monitoring.delivery_intent) is
'Fills in what an incident lacks from a delivery: id and link at its sender, stack, type, environment, release, url;
merges what the context holds under the kind of the sender, such as context.sentry.';

create function monitoring.open_delivered_incident(intent monitoring.delivery_intent, incident public.incidents)
returns monitoring.delivery_outcome
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  v_intent monitoring.delivery_intent := open_delivered_incident.intent;
  v_incident public.incidents := open_delivered_incident.incident;
  v_prepared monitoring.prepared_event := monitoring.prepare_delivered_report(v_intent);
  v_upserted monitoring.upserted_incident;
  v_outcome monitoring.delivery_outcome;
  v_before public.incident_severity := v_incident.severity;
begin
  if v_incident.status <> 'resolved' and v_intent.verb in ('open', 'reopen') then
    -- An issue is not an occurrence: its event is counted separately.
    v_outcome := row('recorded', v_incident.id);
    if v_intent.verb = 'reopen' and monitoring.lift_suppression(v_incident.id, v_intent.sender, v_intent.details) then
      v_outcome.effect := 'reopened';
    end if;
    if v_prepared.severity > v_before
      and monitoring.change_incident_severity(
        v_incident.id, v_prepared.severity, v_prepared.rule, v_intent.sender
      )
    then
      v_outcome.effect := 'escalated';
    end if;
  else
    -- is_late_delivery() has compared it with the resolution, by the sender's own times.
    v_prepared.happened_at := greatest(
      v_prepared.happened_at, v_incident.resolved_at + interval '1 microsecond'
    );
    select upserted.*
    into v_upserted
    from monitoring.upsert_incidents(array[v_prepared]) as upserted;
    v_outcome := row(
      case
        when v_upserted.incident_id is null then 'deferred'
        when v_upserted.is_new then 'opened'
        when v_incident.status = 'resolved' then 'reopened'
        when v_upserted.severity > v_before then 'escalated'
        else 'counted'
      end,
      v_upserted.incident_id
    );
    if v_intent.verb = 'measure'
      and v_upserted.severity > v_intent.severity
      and monitoring.change_incident_severity(
        v_upserted.incident_id, v_intent.severity, v_prepared.rule, v_intent.sender
      )
      and v_outcome.effect = 'counted'
    then
      v_outcome.effect := 'lowered';
    end if;
  end if;

  if v_outcome.incident_id is not null then
    perform monitoring.enrich_delivered_incident(v_outcome.incident_id, v_prepared, v_intent);
  end if;
  return v_outcome;
end
$$;

comment on function monitoring.open_delivered_incident(monitoring.delivery_intent, public.incidents) is
'Applies count, open, reopen and measure. incident is the existing incident, all null for none.';

create function monitoring.change_delivered_incident(intent monitoring.delivery_intent, incident public.incidents)
returns text
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  v_intent monitoring.delivery_intent := change_delivered_incident.intent;
  v_incident public.incidents := change_delivered_incident.incident;
  v_is_done boolean := true;
begin
  case v_intent.verb
    when 'resolve' then
      v_is_done := 1 = monitoring.resolve_incidents(
        array[v_intent.fingerprint],
        v_intent.sender,
        coalesce(v_intent.details ->> 'by', v_intent.sender),
        format('Resolved in %s.', monitoring.name_delivery_sender(v_intent.sender)),
        case
          when v_intent.sent_at > greatest(v_incident.first_seen, v_incident.reopened_at) then v_intent.sent_at
          else clock_timestamp()
        end,
        v_intent.details
      );
    when 'suppress' then
      v_is_done := monitoring.apply_suppression(v_incident.id, v_intent.sender, v_intent.details);
    when 'assign' then
      perform monitoring.audit_incident_event(
        v_incident.id, v_intent.sender, 'incident_assigned', v_intent.details
      );
    when 'comment' then
      perform monitoring.audit_incident_event(
        v_incident.id, v_intent.sender, 'incident_commented', v_intent.details
      );
      return 'commented';
  end case;
  perform monitoring.enrich_delivered_incident(v_incident.id, monitoring.prepare_delivered_report(v_intent), v_intent);
  return case
    when not v_is_done then 'recorded'
    else case v_intent.verb when 'resolve' then 'resolved' when 'suppress' then 'suppressed' else 'assigned' end
  end;
end
$$;

comment on function monitoring.change_delivered_incident(monitoring.delivery_intent, public.incidents) is
'Applies resolve, suppress, assign and comment, and returns the effect.';

create function monitoring.find_latest_sent_at(incident_id text, effects text[])
returns timestamptz
language sql
stable
security invoker
set search_path = ''
as $$
  -- Each effect is one look into the index, however many deliveries the incident has.
  select max(latest.sent_at)
  from unnest(find_latest_sent_at.effects) as wanted (effect)
  cross join lateral (
    select deliveries.sent_at
    from monitoring.deliveries
    where deliveries.incident_id = find_latest_sent_at.incident_id
      and deliveries.effect = wanted.effect
    order by deliveries.sent_at desc
    limit 1
  ) as latest
$$;

comment on function monitoring.find_latest_sent_at(text, text[]) is
'Returns sent_at of the latest delivery that had one of these effects on an incident. Null when there is none.';

create function monitoring.find_resolution_sent_at(incident_id text, applied_since timestamptz)
returns timestamptz
language sql
stable
security invoker
set search_path = ''
as $$
  select max(deliveries.sent_at)
  from monitoring.deliveries
  where deliveries.incident_id = find_resolution_sent_at.incident_id
    and deliveries.effect = 'resolved'
    and deliveries.applied_at >= find_resolution_sent_at.applied_since
$$;

comment on function monitoring.find_resolution_sent_at(text, timestamptz) is
'Returns sent_at of the latest delivery that has resolved an incident since a time. Null when there is none.';

create function monitoring.is_late_delivery(intent monitoring.delivery_intent, incident public.incidents)
returns boolean
language plpgsql
stable
security invoker
set search_path = ''
as $$
declare
  v_intent monitoring.delivery_intent := is_late_delivery.intent;
  v_incident public.incidents := is_late_delivery.incident;
  v_resolved_at timestamptz;
  v_newest_at timestamptz;
begin
  if v_intent.verb in ('assign', 'comment') then
    return false;
  elsif v_incident.id is null then
    -- The resolution of an unknown issue or alert.
    return v_intent.verb <> 'resolve' and exists (
      select
      from monitoring.deliveries
      where deliveries.fingerprint = v_intent.fingerprint
        and deliveries.verb = 'resolve'
        and deliveries.sent_at >= date_trunc('second', v_intent.sent_at) + interval '1 second'
    );
  end if;
  -- Sentry-Hook-Timestamp has a resolution of seconds. Within a second, the order of arrival decides.
  if v_incident.status = 'resolved' then
    -- The sender's own time, unless a person or an agent has resolved the incident since.
    v_resolved_at := coalesce(
      monitoring.find_resolution_sent_at(v_incident.id, v_incident.resolved_at), v_incident.resolved_at
    );
    return date_trunc('second', v_intent.sent_at) < date_trunc('second', v_resolved_at)
      -- An event of Sentry is older than its delivery. The times of others are in sent_at, see read_delivery_time().
      or (v_intent.sender = 'sentry' and coalesce(v_intent.occurred_at < v_resolved_at, false));
  elsif v_intent.verb in ('resolve', 'suppress', 'measure') then
    v_newest_at := monitoring.find_latest_sent_at(
      v_incident.id, array['opened', 'counted', 'reopened', 'escalated', 'lowered', 'suppressed']
    );
    return coalesce(date_trunc('second', v_intent.sent_at) < date_trunc('second', v_newest_at), false);
  end if;
  return false;
end
$$;

comment on function monitoring.is_late_delivery(monitoring.delivery_intent, public.incidents) is
'Returns whether a delivery, or the event in it, is older than what was applied to the incident already: it must neither
reopen nor resolve the incident.';

create function monitoring.lock_latest_incident(fingerprint text)
returns public.incidents
language plpgsql
volatile
security invoker
set search_path = ''
set enable_seqscan = off
as $$
declare
  v_incident public.incidents;
begin
  -- Two statements: each has the index of its status.
  select incidents.*
  into v_incident
  from public.incidents
  where incidents.fingerprint = lock_latest_incident.fingerprint
    and incidents.status <> 'resolved'
  for no key update;
  if not found then
    select incidents.*
    into v_incident
    from public.incidents
    where incidents.fingerprint = lock_latest_incident.fingerprint
      and incidents.status = 'resolved'
    order by incidents.resolved_at desc
    limit 1
    for no key update;
  end if;
  return v_incident;
end
$$;

comment on function monitoring.lock_latest_incident(text) is
'Locks the incident of a fingerprint and returns it: the live one, else the one that was resolved last. All null when
there is none.';

create function monitoring.apply_intent(intent monitoring.delivery_intent)
returns monitoring.delivery_outcome
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  v_intent monitoring.delivery_intent := apply_intent.intent;
  v_incident public.incidents;
  v_late monitoring.prepared_event;
  v_outcome monitoring.delivery_outcome;
begin
  v_outcome.effect := 'recorded';
  if v_intent.verb is null then
    return v_outcome;
  elsif v_intent.verb = 'deploy' then
    return monitoring.apply_deployment_event(v_intent);
  end if;
  v_incident := monitoring.lock_latest_incident(v_intent.fingerprint);
  v_outcome.incident_id := v_incident.id;

  if monitoring.is_late_delivery(v_intent, v_incident) then
    v_outcome.effect := 'late';
    if v_intent.verb = 'count' and v_incident.id is not null then
      v_late := monitoring.prepare_delivered_report(v_intent);
      v_late.happened_at := least(v_late.happened_at, v_incident.resolved_at);
      perform monitoring.upsert_incidents(array[v_late]);
    end if;
  elsif v_intent.verb in ('count', 'open', 'reopen', 'measure') then
    v_outcome := monitoring.open_delivered_incident(v_intent, v_incident);
  elsif v_incident.id is not null then
    v_outcome.effect := monitoring.change_delivered_incident(v_intent, v_incident);
  elsif v_intent.verb = 'resolve' then
    -- Deferred deliveries of the issue that are older must not open it any more.
    update monitoring.deliveries
    set effect = 'late', applied_at = clock_timestamp(), next_attempt_at = null
    where deliveries.effect = 'deferred'
      and deliveries.fingerprint = v_intent.fingerprint
      and deliveries.sent_at < date_trunc('second', v_intent.sent_at) + interval '1 second';
  end if;
  return v_outcome;
end
$$;

comment on function monitoring.apply_intent(monitoring.delivery_intent) is
'Applies what a delivery requests. A late occurrence is counted but reopens nothing; changes of an unknown issue have
no effect.';
