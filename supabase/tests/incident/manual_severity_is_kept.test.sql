begin;

select plan(2);

select public.report_error('{"error": {"message": "m"}, "fingerprint": "by hand", "severity": "HIGH"}');

select public.set_incident_severity(id, 'LOW', 'harmless') from public.incidents
where context ->> 'fingerprint' = 'by hand';

select is(
  public.report_error('{"error": {"message": "m"}, "fingerprint": "by hand", "severity": "CRITICAL"}') ->> 'severity',
  'LOW', 'a more severe repeat does not raise it'
);

select is(
  (
    select monitoring.change_incident_severity(id, 'CRITICAL', 'r', 'sentry') from public.incidents
    where context ->> 'fingerprint' = 'by hand'
  ),
  false, 'an alert does not change it'
);

select * from finish();

rollback;
