begin;

select plan(2);

insert into monitoring.deliveries (kind, resource, body_hash, fingerprint, verb, sent_at, next_attempt_at, effect)
values
(
  'alertmanager', 'alertmanager', 'tap-older', 'alertmanager:tap-outlive', 'count', now() - interval '9 minutes', now(),
  'deferred'
),
(
  'alertmanager', 'alertmanager', 'tap-newer', 'alertmanager:tap-outlive', 'count', now() - interval '1 minute', now(),
  'deferred'
);

select is(
  public.ingest_deliveries(
    jsonb_build_array(jsonb_build_object(
      'kind', 'alertmanager', 'resource', 'alertmanager', 'body_hash', 'tap-end',
      'body', jsonb_build_object('alerts', jsonb_build_array(jsonb_build_object(
        'status', 'resolved', 'fingerprint', 'tap-outlive',
        'startsAt', now() - interval '9 minutes', 'endsAt', now() - interval '5 minutes'
      )))
    ))
  ) #>> '{0,effect}',
  'recorded',
  'the end of an alert that waits is recorded'
);

select results_eq(
  $$ select body_hash, effect from monitoring.deliveries where body_hash in ('tap-older', 'tap-newer') order by body_hash $$,
  $$ values ('tap-newer', 'deferred'), ('tap-older', 'late') $$,
  'an alert that began later still opens its incident'
);

select * from finish();

rollback;
