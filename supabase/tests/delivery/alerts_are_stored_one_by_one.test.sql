begin;

select plan(8);

create function monitoring.test_alert(id text, status text, starts_at timestamptz, ends_at timestamptz default null)
returns jsonb
language sql
set search_path = ''
as $$
  select jsonb_build_object(
    'status', test_alert.status,
    'fingerprint', test_alert.id,
    'labels', jsonb_build_object('alertname', 'DiskFull', 'severity', 'warning', 'instance', test_alert.id),
    'annotations', jsonb_build_object('summary', 'The disk is full'),
    'startsAt', test_alert.starts_at,
    'endsAt', coalesce(test_alert.ends_at::text, '0001-01-01T00:00:00Z')
  )
$$;

create function monitoring.test_deliver(body_hash text, variadic alerts jsonb[])
returns jsonb
language sql
set search_path = ''
as $$
  select public.ingest_deliveries(jsonb_build_array(jsonb_build_object(
    'kind', 'alertmanager', 'resource', 'alertmanager', 'body_hash', test_deliver.body_hash,
    'body', jsonb_build_object('version', '4', 'alerts', to_jsonb(test_deliver.alerts))
  ))) -> 0
$$;

select is(
  monitoring.test_deliver(
    'alerts 1',
    monitoring.test_alert('t-1', 'firing', now() - interval '9 minutes'),
    monitoring.test_alert('t-2', 'firing', now() - interval '9 minutes'),
    '{}'
  ) -> 'effects',
  '["opened", "opened", "recorded"]'::jsonb, 'each alert of a notification has an effect of its own'
);

select results_eq(
  $$ select deliveries.kind, deliveries.action, deliveries.verb, deliveries.fingerprint, deliveries.error, incidents.sender
     from monitoring.deliveries
     left join public.incidents on incidents.id = deliveries.incident_id
     where deliveries.kind = 'alertmanager' and deliveries.received_at >= now()
     order by deliveries.id $$,
  $$ values
     ('alertmanager', 'firing', 'count', 'alertmanager:t-1', null, 'alertmanager'),
     ('alertmanager', 'firing', 'count', 'alertmanager:t-2', null, 'alertmanager'),
     ('alertmanager', null, null, null, 'The alert has no fingerprint and no labels.', null) $$,
  'and a row of its own'
);

select is(
  monitoring.test_deliver(
    'alerts 2',
    monitoring.test_alert('t-1', 'firing', now() - interval '9 minutes'),
    monitoring.test_alert('t-2', 'resolved', now() - interval '9 minutes', now() - interval '5 minutes')
  ) - array['delivery_id', 'delivery_ids', 'incident_id', 'incident_ids'],
  '{"success": true, "effect": "repeated", "effects": ["repeated", "resolved"], "understood": true, "duplicate": false}'::jsonb,
  'a repeated alert does not count again, the others of its notification have their effects'
);

select results_eq(
  $$ select status::text, occurrence_count, resolved_by, resolution, resolved_at
     from public.incidents
     where fingerprint in ('alertmanager:t-1', 'alertmanager:t-2')
     order by fingerprint $$,
  $$ values
     ('open', 1::bigint, null, null, null),
     ('resolved', 1::bigint, 'alertmanager', 'Resolved in Alertmanager.', now() - interval '5 minutes') $$,
  'the alert that ended is resolved as of its end'
);

select is(
  monitoring.test_deliver('alerts 3', monitoring.test_alert('t-2', 'firing', now() - interval '6 minutes')) ->> 'effect',
  'late', 'one that began before the end reopens nothing'
);

select is(
  monitoring.test_deliver('alerts 4', monitoring.test_alert('t-2', 'firing', now() - interval '4 minutes')) ->> 'effect',
  'reopened', 'one that began after it does'
);

update public.system_config
set value = '{"new_incidents_per_minute": 2}'
where key = 'rate_limits';

select is(
  monitoring.test_deliver('alerts 5', monitoring.test_alert('t-3', 'firing', now())) ->> 'effect', 'deferred',
  'the limit of new incidents is that of the sender'
);

update public.system_config
set value = '{"new_incidents_per_minute": 1000}'
where key = 'rate_limits';

select is(
  (
    select public.replay_delivery(max(deliveries.id)) - array['delivery_id', 'incident_id']
    from monitoring.deliveries
    where deliveries.fingerprint = 'alertmanager:t-3'
  ),
  '{"effect": "opened", "result": "It was applied now."}'::jsonb, 'a deferred alert can be replayed'
);

select * from finish();

rollback;
