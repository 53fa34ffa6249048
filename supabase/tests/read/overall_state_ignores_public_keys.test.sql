begin;

select plan(5);

-- Live incidents and targets of other tests must not count here.
update public.incidents
set status = 'resolved', resolved_at = clock_timestamp()
where status <> 'resolved';

delete from monitoring.target_states;

update public.system_config
set value = '[]'
where key = 'health_check_targets';

select monitoring.record_job_success('monitoring-judge-health-checks');

select public.ingest_events('[
  {"sender": "public:tap-page", "sentry_event": {"message": "database connection failed", "level": "fatal"}},
  {"sender": "public:tap-page", "event": {"error": {"message": "payment failed"}, "level": "fatal"}}
]');

select is(
  (
    select max(severity) from public.incidents
    where sender = 'public:tap-page'
  ), 'CRITICAL'::public.incident_severity,
  'a public key can report what is CRITICAL'
);

select is(monitoring.overall_state(), 'no_targets', 'the public page does not change');

select is(
  (
    select (public.set_incident_severity(id, 'HIGH', 'seen by us')).severity::text
    from public.incidents
    where sender = 'public:tap-page'
    order by id
    limit 1
  ), 'HIGH',
  'a person may judge it'
);

select is(monitoring.overall_state(), 'degraded', 'then it counts, and is no outage');

select is(
  (
    select (public.set_incident_severity(id, 'CRITICAL', 'seen by us')).severity::text
    from public.incidents
    where sender = 'public:tap-page'
    order by id
    limit 1
  ) || ' ' || monitoring.overall_state(), 'CRITICAL degraded',
  'even if it is CRITICAL'
);

select * from finish();

rollback;
