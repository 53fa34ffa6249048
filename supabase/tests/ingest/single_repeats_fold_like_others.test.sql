begin;

select plan(6);

-- Each event is reported alone for one incident, and in a call with another event for the other one.
create temporary table repeats (nth integer, event jsonb);

insert into repeats
values
(1, '{"error": {"message": "m1", "type": "T", "stack": "s1"}, "severity": "LOW", "context": {"a": 1}, "release": "1"}'),
(2, jsonb_build_object('error', '{"message": "older"}'::jsonb, 'timestamp', now() - interval '2 hours')),
(3, '{"error": {"message": "m3", "code": "c3"}, "severity": "HIGH", "environment": "e", "url": "https://x.example"}'),
(4, '{"error": {"message": "m4", "stack": "s4"}, "severity": "LOW"}'),
(5, jsonb_build_object('error', '{"message": "ahead"}'::jsonb, 'timestamp', now() + interval '2 minutes')),
(6, '{"error": {"message": "m6"}, "context": {"b": 2}}');

create function pg_temp.report(nth integer, is_alone boolean) returns jsonb
language sql
as $$
  select public.ingest_events(
    jsonb_build_array(repeats.event || jsonb_build_object('fingerprint', 'pair ' || report.is_alone)) || case
      when report.is_alone then '[]'
      else '[{"error": {"message": "another"}, "fingerprint": "another"}]'::jsonb
    end
  ) -> 0
  from repeats
  where repeats.nth = report.nth
$$;

create temporary table answered as
select
  listed.nth,
  pg_temp.report(listed.nth, true) as alone,
  pg_temp.report(listed.nth, false) as together
from generate_series(1, 6) as listed (nth);

select is(
  (select array_agg(alone - 'incident_id' order by nth) from answered),
  (select array_agg(together - 'incident_id' order by nth) from answered),
  'the answers are the same'
);

-- An hour that begins while the file runs is counted with the one before.
create function pg_temp.stored(is_alone boolean) returns jsonb
language sql
as $$
  select to_jsonb(incidents) - array[
    'id', 'fingerprint', 'first_seen', 'last_seen', 'created_at', 'updated_at', 'search', 'context', 'active_hour', 'opened_at'
  ] || jsonb_build_object(
    'first', date_trunc('minute', incidents.first_seen), 'context', incidents.context - 'fingerprint',
    'hours', (
      select jsonb_agg(jsonb_build_array(hours.hour, hours.environment, hours.release, hours.occurrences) order by 1, 2, 3)
      from (
        select
          least(incident_hours.hour, date_trunc('hour', now(), 'UTC')) as hour,
          incident_hours.environment,
          incident_hours.release,
          sum(incident_hours.occurrences) as occurrences
        from monitoring.incident_hours
        where incident_hours.incident_id = incidents.id
        group by 1, 2, 3
        order by 1, 2, 3
      ) as hours
    )
  )
  from public.incidents
  where incidents.id = (
    select (case when stored.is_alone then alone else together end) ->> 'incident_id'
    from answered
    where nth = 1
  )
$$;

select is(pg_temp.stored(true), pg_temp.stored(false), 'the incidents and their hours are the same');

select is(
  (
    select array[(pg_temp.stored(true)) ->> 'message', (pg_temp.stored(true)) ->> 'severity', (pg_temp.stored(true)) ->> 'stack']
  ),
  array['m6', 'HIGH', 's4'],
  'the newest sample and the worst severity are kept'
);

select is(
  (
    select monitoring.fold_known_event(
      jsonb_populate_record(null::monitoring.prepared_event, '{"fingerprint": "unheard of", "message": "m"}')
    ) is null
  ), true,
  'an unknown error is not folded'
);

select is(
  (
    select array_agg(items.item -> 'occurrence_count' order by items.nth) || array_agg(items.item #> '{error,code}')
    from (
      select
        listed.nth,
        public.ingest_events(jsonb_build_array(listed.event || '{"fingerprint": "pair true", "idempotency_key": "once"}'))
        -> 0 as item
      from (
        values (1, '{"error": {"message": "k"}}'::jsonb), (2, '{"error": {"message": "k"}}'), (3, '{"error": {"message": "l"}}')
      ) as listed (nth, event)
    ) as items
  ),
  array['7', '7', null, null, null, '"PT422"']::jsonb[],
  'a key counts once, and belongs to its event'
);

select ok(
  monitoring.store_single_event(
    jsonb_populate_record(
      null::monitoring.prepared_event,
      jsonb_build_object(
        'fingerprint', 'unheard of', 'message', 'm',
        'idempotency_key', monitoring.hash_idempotency_key('report', 'server:default', 'once')
      )
    )
  ) is null,
  'a single event with a key that was seen before is not stored'
);

select * from finish();

rollback;
