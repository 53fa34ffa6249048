-- Purpose: classifies stored incidents again, and compares what the rules would decide today with what is stored.
-- Objects: functions monitoring.read_classified_fields, monitoring.classify_fields, monitoring.classify_incident,
--   monitoring.backtest_classifier, monitoring.backtest_rule.
-- Risks: the backtests classify every incident of the period again, which takes minutes on a large database.
--   Run them by hand.

create function monitoring.read_classified_fields(incident public.incidents)
returns jsonb
language plpgsql
stable
security invoker
set search_path = ''
as $$
declare
  v_incident public.incidents := read_classified_fields.incident;
  v_status text := btrim(v_incident.context #>> '{extra,http_status}');
  v_runtime text := monitoring.guess_sentry_source(jsonb_build_object(
    'platform', v_incident.context #> '{sentry,platform}', 'contexts', v_incident.context -> 'contexts'
  ));
begin
  return jsonb_strip_nulls(jsonb_build_object(
    'message', v_incident.message,
    'code', v_incident.error_code,
    'error_type', v_incident.error_type,
    'source', case
      when v_incident.sender = 'sentry' then v_runtime
      -- An event of an SDK.
      when v_incident.sender like 'public:%' and v_incident.context ? 'sentry'
        then coalesce(nullif(v_runtime, 'sentry'), v_incident.source)
      else nullif(v_incident.source, 'unknown')
    end,
    'url', v_incident.url,
    'http_status', case
      when v_status in ('0', '000') then '0'
      when length(v_status) = 3 and v_status between '100' and '599' and translate(v_status, '0123456789', '') = ''
        then v_status
    end,
    'level', v_incident.context #>> '{extra,level}'
  ));
end
$$;

comment on function monitoring.read_classified_fields(public.incidents) is
'Returns the arguments with which classify_error() was called for an incident, as far as they are stored: message,
error_type, source, url, http_status, level, code.';

create function monitoring.classify_fields(
  fields jsonb, out severity public.incident_severity, out category public.incident_category, out rule text
)
language sql
stable
security invoker
set search_path = ''
as $$
  select verdict.severity, verdict.category, verdict.rule
  from public.classify_error(
    classify_fields.fields ->> 'message',
    classify_fields.fields ->> 'error_type',
    classify_fields.fields ->> 'source',
    classify_fields.fields ->> 'url',
    (classify_fields.fields ->> 'http_status')::integer,
    classify_fields.fields ->> 'level',
    classify_fields.fields ->> 'code'
  ) as verdict
$$;

comment on function monitoring.classify_fields(jsonb) is
'Calls classify_error() with arguments from an object, as read_classified_fields() returns it.';

create function monitoring.classify_incident(
  incident public.incidents,
  out severity public.incident_severity,
  out category public.incident_category,
  out rule text
)
language plpgsql
stable
security invoker
set search_path = ''
as $$
declare
  v_incident public.incidents := classify_incident.incident;
begin
  select verdict.severity, verdict.category, verdict.rule
  into severity, category, rule
  from monitoring.classify_fields(monitoring.read_classified_fields(v_incident)) as verdict;
  if v_incident.sender = 'sentry'
    and monitoring.is_raised_by_sentry(v_incident.context #>> '{extra,level}', severity, rule)
  then
    severity := 'CRITICAL';
    rule := 'fallback_level_fatal';
  end if;
end
$$;

comment on function monitoring.classify_incident(public.incidents) is
'Returns what the rules would decide about an incident today, from what is stored of it.';

create function monitoring.backtest_classifier(days integer)
returns table (
  stored_severity public.incident_severity,
  severity_now public.incident_severity,
  stored_category public.incident_category,
  category_now public.incident_category,
  is_manual boolean,
  incidents bigint,
  example text
)
language sql
stable
security invoker
set search_path = ''
as $$
  select
    incidents.severity,
    verdict.severity,
    incidents.category,
    verdict.category,
    incidents.has_manual_severity,
    count(*),
    min(incidents.id || ': ' || incidents.title)
  from public.incidents
  cross join lateral monitoring.classify_incident(incidents) as verdict
  where incidents.first_seen > now() - make_interval(days => backtest_classifier.days)
    -- Severities from reporters and health checks say nothing about the rules.
    and (
      incidents.has_manual_severity
      or incidents.rule not in (
        'caller', 'health_check', 'certificate', 'sentry_metric_alert', 'feed_silence', 'security_event'
      )
    )
  group by 1, 2, 3, 4, 5
  order by incidents.has_manual_severity desc, count(*) desc
$$;

comment on function monitoring.backtest_classifier(integer) is
'Returns a confusion matrix of the last days: severities and categories that the rules would give today, against the
stored ones. Rows with is_manual were set by a person: where they differ, the rules are wrong.';

create function monitoring.backtest_rule(name text, days integer)
returns table (
  stored_severity public.incident_severity,
  severity_with_rule public.incident_severity,
  stored_category public.incident_category,
  category_with_rule public.incident_category,
  is_manual boolean,
  incidents bigint,
  example text
)
language plpgsql
stable
security invoker
set search_path = ''
as $$
begin
  if not exists (
    select
    from public.classification_rules
    where classification_rules.name = backtest_rule.name
  ) then
    perform monitoring.refuse_request(
      'PT404', 'there is no such rule', 'name',
      'Insert the rule first, with is_enabled = false: it then decides about no report.'
    );
  end if;
  return query
  select
    stored.severity,
    verdict.severity,
    stored.category,
    verdict.category,
    stored.has_manual_severity,
    count(*),
    min(stored.id || ': ' || stored.title)
  from public.incidents as stored
  cross join lateral monitoring.read_classified_fields(stored) as read (fields)
  cross join lateral monitoring.apply_rules(
    monitoring.read_error_signals(
      read.fields ->> 'message', read.fields ->> 'error_type', read.fields ->> 'source',
      (read.fields ->> 'http_status')::integer, read.fields ->> 'level', read.fields ->> 'code'
    ),
    backtest_rule.name
  ) as verdict
  where stored.first_seen > now() - make_interval(days => backtest_rule.days)
    and verdict.rule = backtest_rule.name
  group by 1, 2, 3, 4, 5
  order by count(*) desc;
end
$$;

comment on function monitoring.backtest_rule(text, integer) is
'Returns about which incidents of the last days a rule would decide if it were enabled, and what: their stored severity
and category, those that the rule would give, and an example. Works for a disabled rule, so that one sees what it changes
before it counts. Rows with is_manual have a severity that a person set.';
