begin;

select plan(8);

-- Reports with a time, and what becomes of it: the difference to now of first_seen, and what the context keeps.
create function pg_temp.seen(name text, event jsonb, envelope jsonb default '{}')
returns jsonb
language plpgsql
as $$
declare
  v_id text := public.ingest_events(jsonb_build_array(envelope || jsonb_build_object(
    'sender', 'server:tap-times',
    'event', jsonb_build_object('error', jsonb_build_object('message', name), 'fingerprint', name) || event
  ))) #>> '{0,incident_id}';
begin
  return (
    select jsonb_build_array(
      round(extract(epoch from incidents.first_seen - now()) / 60), incidents.context #>> '{extra,timestamp}' is not null
    )
    from public.incidents
    where incidents.id = v_id
  );
end
$$;

select is(
  (
    select jsonb_agg(pg_temp.seen('tap form ' || position, jsonb_build_object('timestamp', form)) order by position)
    from (
      values
      (1, to_jsonb(now() - interval '1 hour')),
      (2, to_jsonb(to_char((now() - interval '1 hour') at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS'))),
      (3, to_jsonb(extract(epoch from now() - interval '1 hour'))),
      (4, to_jsonb(round(extract(epoch from now() - interval '1 hour') * 1000))),
      (5, to_jsonb(round(extract(epoch from now() - interval '1 hour') * 1000)::text)),
      (6, to_jsonb(now() + interval '4 minutes'))
    ) as given (position, form)
  ),
  '[[-60, false], [-60, false], [-60, false], [-60, false], [-60, false], [4, false]]'::jsonb,
  'a timestamp in ISO 8601, in seconds or in milliseconds counts'
);

select is(
  (
    select jsonb_agg(pg_temp.seen('tap odd ' || position, jsonb_build_object('timestamp', form)) order by position)
    from (
      values
      (1, to_jsonb(now() - interval '25 hours')), (2, to_jsonb(now() + interval '6 minutes')),
      (3, '"yesterday"'), (4, '"now"'), (5, 'true'), (6, '{"seconds": 1}'), (7, '-5'), (8, '"2026-13-45T00:00:00Z"'),
      (9, to_jsonb(repeat('1', 5000))), (10, '"infinity"'), (11, '1e300')
    ) as given (position, form)
  ),
  (
    select jsonb_agg('[0, true]'::jsonb)
    from generate_series(1, 11)
  ),
  'any other is ignored and kept in the context, and the report is stored as of its receipt'
);

select is(
  pg_temp.seen('tap null', '{"timestamp": null}'), '[0, false]'::jsonb, 'null is no timestamp'
);

select is(
  pg_temp.seen('tap spooled', '{}', jsonb_build_object('received_at', now() - interval '3 days')), '[-4320, false]'::jsonb,
  'a report counts as of when the service received it'
);

select is(
  pg_temp.seen(
    'tap both', jsonb_build_object('timestamp', now() - interval '80 hours'),
    jsonb_build_object('received_at', now() - interval '3 days')
  ), '[-4800, false]'::jsonb, 'a timestamp is compared with that'
);

select is(
  (
    select jsonb_agg(pg_temp.seen('tap service ' || position, '{}', jsonb_build_object('received_at', form)) order by position)
    from (
      values
      (1, to_jsonb(now() + interval '1 year')), (2, '"soon"'), (3, 'null'), (4, to_jsonb(now() - interval '1 year'))
    ) as given (position, form)
  ), '[[0, false], [0, false], [0, false], [-41760, false]]'::jsonb,
  'a time of receipt that cannot be one is now, or 29 days ago'
);

select is(
  pg_temp.seen('tap forged', jsonb_build_object('received_at', now() - interval '3 days', 'happened_at', now() - interval '3 days')),
  '[0, false]'::jsonb, 'a report does not name its own time of receipt'
);

select set_config('request.jwt.claims', '{"role": "authenticated", "sub": "tap"}', true);

select public.report_error(jsonb_build_object(
  'sender', 'service', 'received_at', now() - interval '3 days',
  'event', '{"error": {"message": "m"}}'::jsonb, 'error', '{"message": "tap agent"}'::jsonb
));

select is(
  (
    select round(extract(epoch from incidents.first_seen - now()) / 60)
    from public.incidents
    where incidents.message = 'tap agent'
  ), 0::numeric, 'nor does an agent'
);

select * from finish();

rollback;
