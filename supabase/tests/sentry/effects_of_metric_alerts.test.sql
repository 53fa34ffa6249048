begin;

select plan(5);

create function monitoring.test_deliver(resource text, action text, data jsonb)
returns text
language plpgsql
set search_path = ''
as $$
declare
  v_answer jsonb := public.ingest_deliveries(jsonb_build_array(jsonb_build_object(
    'resource', test_deliver.resource,
    'body_hash', gen_random_uuid(),
    'body', jsonb_build_object(
      'action', test_deliver.action, 'data', test_deliver.data, 'actor', '{"name": "Emily Carter"}'::jsonb
    )
  ))) -> 0;
begin
  return concat_ws(
    ' ', v_answer ->> 'effect', (
      select concat_ws(' ', status, severity, occurrence_count)
      from public.incidents
      where id = v_answer ->> 'incident_id'
    )
  );
end
$$;

select is(
  monitoring.test_deliver('metric_alert', 'warning', '{"metric_alert": {"alert_rule": {"id": "90007", "name": "Errors"}}}'),
  'opened open MEDIUM 1', 'a warning opens an incident'
);

select is(
  monitoring.test_deliver('metric_alert', 'critical', '{"metric_alert": {"alert_rule": {"id": 90007, "name": "Errors"}}}'),
  'escalated open CRITICAL 2', 'a critical alert escalates it'
);

select is(
  monitoring.test_deliver('metric_alert', 'warning', '{"metric_alert": {"alert_rule": {"id": "90007", "name": "Errors"}}}'),
  'lowered open MEDIUM 3', 'a later warning lowers it'
);

select is(
  monitoring.test_deliver('metric_alert', 'resolved', '{"metric_alert": {"alert_rule": {"id": "90007"}}}')
  || ', ' || monitoring.test_deliver('metric_alert', 'open', '{"metric_alert": {"alert_rule": {"id": "90007"}}}'),
  'resolved resolved MEDIUM 3, reopened open HIGH 4', 'its resolution resolves the incident, and the next alert reopens it'
);

select results_eq(
  $$ select fingerprint, rule, count(*) from public.incidents where fingerprint like 'sentry:metric:90007%' group by 1, 2 $$,
  $$ values ('sentry:metric:90007', 'sentry_metric_alert', 1::bigint) $$,
  'there is one incident'
);

select * from finish();

rollback;
