begin;

select plan(3);

create temporary table stored as
select *
from monitoring.store_events_isolated(array(
  select event
  from (values (1, 'good 1'), (2, ' '), (3, 'good 3')) as given (place, fingerprint)
  cross join lateral jsonb_populate_record(
    monitoring.prepare_event('{"error": {"message": "m"}}', given.place, 'server:default'),
    jsonb_build_object('fingerprint', given.fingerprint)
  ) as event
));

select is(
  (select jsonb_agg(answer -> 'success' order by event_position) from stored), '[true, false, true]'::jsonb,
  'only the event that cannot be stored is rejected'
);

select is(
  (
    select answer #>> '{error,code}' from stored
    where event_position = 2
  ),
  'PT422',
  'its error has the code PT422'
);

select is(
  (
    select count(*) from public.incidents
    where fingerprint in ('good 1', 'good 3')
  ),
  2::bigint,
  'the other events are stored'
);

select * from finish();

rollback;
