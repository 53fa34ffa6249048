begin;

select plan(9);

-- What names no time happened in the middle of the last full hour: the clock may pass an hour while the file runs.
create function pg_temp.report(reports jsonb)
returns text
language sql
as $$
  select public.ingest_events((
    select jsonb_agg(jsonb_build_object(
      'sender', 'server:tap-hours',
      'event', jsonb_build_object(
        'error', '{"message": "m"}'::jsonb, 'fingerprint', 'tap hours',
        'timestamp', date_trunc('hour', now(), 'UTC') - interval '30 minutes'
      ) || item
    ))
    from jsonb_array_elements(reports) as items (item)
  )) #>> '{0,incident_id}';
$$;

select pg_temp.report('[
  {"environment": "production", "release": "1"}, {"environment": "production", "release": "1"},
  {"environment": "production", "release": "2"}, {}
]');

select results_eq(
  $$ select environment, release, occurrences from public.incident_occurrences
     where incident_id = (select id from public.incidents where sender = 'server:tap-hours') order by 3 desc, 2 $$,
  $$ values ('production', '1', 2::bigint), ('production', '2', 1), (null, null, 1) $$,
  'a new incident has its counts by environment and release'
);

select pg_temp.report('[{"environment": "production", "release": "1"}]');

select is(
  (
    select occurrences from public.incident_occurrences
    where release = '1' and incident_id = (
      select id from public.incidents
      where sender = 'server:tap-hours'
    )
  ), 3::bigint, 'a repeat is added'
);

select pg_temp.report(jsonb_build_array(jsonb_build_object('timestamp', now() - interval '5 hours')));

select results_eq(
  $$ select hour, first_seen, last_seen from public.incident_occurrences
     where incident_id = (select id from public.incidents where sender = 'server:tap-hours')
     order by hour limit 1 $$,
  $$ select date_trunc('hour', at, 'UTC'), at, at from (select now() - interval '5 hours') as given (at) $$,
  'an occurrence counts in the hour in which it happened'
);

select pg_temp.report((
  select jsonb_agg(jsonb_build_object('release', 'r' || number))
  from generate_series(1, 50) as numbers (number)
));

select pg_temp.report('[{"release": "one more"}, {"environment": "production", "release": "1"}]');

select results_eq(
  $$ select count(*), sum(occurrences) filter (where release = '(other)'),
       sum(occurrences) filter (where release = '1')
     from public.incident_occurrences
     where hour > now() - interval '2 hours'
       and incident_id = (select id from public.incidents where sender = 'server:tap-hours') $$,
  $$ values (21::bigint, 34::numeric, 4::numeric) $$,
  'of an hour 20 pairs have a row, and the rest one'
);

select pg_temp.report((
  select
    jsonb_agg(jsonb_build_object(
      'environment', 'e' || number, 'release', '(other)', 'timestamp', now() - interval '10 hours'
    ))
  from generate_series(1, 50) as numbers (number)
));

select is(
  (
    select count(*) from public.incident_occurrences
    where
      hour < now() - interval '9 hours'
      and incident_id = (
        select id from public.incidents
        where sender = 'server:tap-hours'
      )
  ), 21::bigint, 'a release that is called (other) is limited like any other'
);

select is(
  (
    select sum(occurrences) from public.incident_occurrences
    where incident_id = (
      select id from public.incidents
      where sender = 'server:tap-hours'
    )
  ),
  (
    select occurrence_count from public.incidents
    where sender = 'server:tap-hours'
  )::numeric, 'the counts add up'
);

select is(
  (
    select monitoring.count_occurrences('{}', '{}')
  )::text, '', 'nothing is counted for no event'
);

select is(
  (
    select confdeltype::text from pg_catalog.pg_constraint
    where
      conrelid = 'monitoring.incident_hours'::regclass
      and contype = 'f'
  ), 'c', 'hours are deleted with their incident'
);

select throws_ok(
  $$ insert into monitoring.incident_hours values ('INC-0', date_trunc('hour', now(), 'UTC'), '', '', 1, now(), now()) $$,
  '23503', null, 'hours belong to an incident'
);

select * from finish();

rollback;
