begin;

select plan(7);

insert into public.security_events (event_type, severity, confidence, created_at)
values
('ret', 'LOW', 1, now() - interval '402 days'),
('ret', 'LOW', 1, now() - interval '401 days'),
('ret young', 'LOW', 1, now() - interval '399 days');

select is(monitoring.purge_security_events(1), 1::bigint, 'a batch deletes so many security events at most');

select is(monitoring.purge_security_events(10), 1::bigint, 'the next one the rest');

select is(
  (
    select string_agg(event_type, ' ') from public.security_events
    where event_type like 'ret%'
  ), 'ret young',
  'younger ones stay'
);

insert into monitoring.service_versions (version, first_seen, last_seen)
values ('0.0.1', now() - interval '95 days', now() - interval '91 days'), ('0.0.2', now(), now());

select is(monitoring.purge_service_versions(10), 1::bigint, 'versions that did not call for 90 days are deleted');

delete from monitoring.early_resolutions;

insert into monitoring.early_resolutions (fingerprint, sender, resolved_at, created_at)
values
('ret old', 'server:ret', now(), now() - interval '25 hours'),
('ret new', 'server:ret', now(), now() - interval '23 hours');

select is(monitoring.purge_early_resolutions(10), 1::bigint, 'early resolutions are deleted with the receipts');

select is(
  array[
    monitoring.purge_security_events(10), monitoring.purge_service_versions(10), monitoring.purge_early_resolutions(10)
  ],
  array[0, 0, 0]::bigint[],
  'purging again deletes nothing'
);

select ok(monitoring.purge_job_runs(10) >= 0, 'the log of pg_cron is purged by its oldest runs');

select * from finish();

rollback;
