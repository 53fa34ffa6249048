-- Purpose: compares what the rules would decide today with the severities and categories that are stored.
-- Objects: function monitoring.backtest_classifier.
-- Risks: it classifies every incident of the period again, which takes minutes on a large database. Run it by hand.

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
  cross join lateral public.classify_error(
    concat_ws(' ', incidents.message, incidents.error_code),
    incidents.error_type,
    incidents.source,
    incidents.url,
    null,
    incidents.context #>> '{extra,level}'
  ) as verdict
  where incidents.first_seen > now() - make_interval(days => backtest_classifier.days)
    -- Severities from reporters and health checks say nothing about the rules.
    and (
      incidents.has_manual_severity
      or incidents.rule not in (
        'caller', 'health_check', 'sentry_metric_alert', 'feed_silence', 'security_event'
      )
    )
  group by 1, 2, 3, 4, 5
  order by incidents.has_manual_severity desc, count(*) desc
$$;

comment on function monitoring.backtest_classifier(integer) is
'Returns a confusion matrix of the last days: severities and categories that the rules would give today, against the
stored ones. Rows with is_manual were set by a person: where they differ, the rules are wrong.';
