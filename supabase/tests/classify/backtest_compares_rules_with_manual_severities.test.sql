begin;

select plan(2);

select public.report_error('{"error": {"message": "HTTP 502 Bad Gateway at tap"}, "fingerprint": "backtest 1"}');

select public.set_incident_severity(id, 'LOW', 'it is the test system') from public.incidents
where context ->> 'fingerprint' = 'backtest 1';

select results_eq(
  $$ select stored_severity::text, severity_now::text from monitoring.backtest_classifier(1)
     where is_manual and example like '%at tap' $$,
  $$ values ('LOW', 'CRITICAL') $$,
  'a manual severity that differs from the rules is listed'
);

select public.report_error(
  '{"error": {"message": "m"}, "fingerprint": "backtest 2", "severity": "HIGH", "source": "backtest 2"}'
);

select is_empty(
  $$ select from monitoring.backtest_classifier(1)
     where example like (select id || ': %' from public.incidents where context ->> 'fingerprint' = 'backtest 2') $$,
  'severities given by the reporter are not listed'
);

select * from finish();

rollback;
