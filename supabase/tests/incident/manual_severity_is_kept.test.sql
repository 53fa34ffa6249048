begin;

select plan(2);

select public.report_error('{"error": {"message": "m"}, "fingerprint": "by hand", "severity": "HIGH"}');

select public.set_incident_severity(id, 'LOW', 'harmless') from public.incidents
where fingerprint = 'by hand';

select is(
  public.report_error('{"error": {"message": "m"}, "fingerprint": "by hand", "severity": "CRITICAL"}') ->> 'severity',
  'LOW', 'a worse repeat does not raise it'
);

select is(
  (
    select monitoring.change_incident_severity(id, 'CRITICAL', 'r', 'sentry') from public.incidents
    where fingerprint = 'by hand'
  ),
  false, 'nor does an alert'
);

select * from finish();

rollback;
