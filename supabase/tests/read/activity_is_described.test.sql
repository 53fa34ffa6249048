begin;

select plan(9);

set local timezone = 'UTC';

insert into public.incidents (id, fingerprint, title, message, severity, category, rule)
values ('INC-1', 'tap activity', 't', 'm', 'LOW', 'backend', 'r');

-- A burst after a quiet day, in at most two hours of the clock. It does not begin at the end of one, where there would be
-- too few occurrences for a pace.
create temp table burst as
select now() - case
  when extract(minute from now() - interval '40 minutes') >= 58 then interval '45 minutes' else interval '40 minutes'
end as began;

insert into monitoring.incident_hours
select
  'INC-1' as incident_id,
  hour,
  'production' as environment,
  '1' as release,
  count(*) as occurrences,
  min(at) as first_seen,
  max(at) as last_seen
from (
  select
    at,
    date_trunc('hour', at, 'UTC') as hour
  from generate_series((select began from burst), now(), interval '5 seconds') as moments (at)
) as given
group by hour;

insert into monitoring.incident_hours
select
  'INC-1' as incident_id,
  date_trunc('hour', given.at, 'UTC') as hour,
  '' as environment,
  '' as release,
  1 as occurrences,
  given.at as first_seen,
  given.at as last_seen
from (values (now() - interval '3 hours'), (now() - interval '20 hours'), (now() - interval '30 hours')) as given (at);

select is(
  public.incident_activity('INC-1') ->> 'rate',
  format(
    '12 a minute since %s UTC',
    (
      select to_char(began, case when began < date_trunc('day', now()) then 'YYYY-MM-DD ' else '' end || 'HH24:MI')
      from burst
    )
  ), 'a burst is described from where it began'
);

select results_eq(
  $$ select jsonb_array_length(hours), (
       select sum(item::integer) from jsonb_array_elements_text(hours) as items (item)
     ), hours ->> 3
     from (select public.incident_activity('INC-1') -> 'hours' as hours) as given $$,
  $$ select 24, (extract(epoch from now() - began) / 5)::bigint + 3, '1' from burst $$,
  'the last 24 hours are counted'
);

select is(
  public.incident_activity('INC-0'),
  jsonb_build_object(
    'rate', null, 'pace', null, 'since', null, 'until', null, 'is_over', null,
    'hours', (select jsonb_agg(0) from generate_series(1, 24))
  ), 'an incident without occurrences has no rate'
);

insert into public.incidents (id, fingerprint, title, message, severity, category, rule)
select
  'INC-' || number as id,
  'tap activity ' || number as fingerprint,
  't' as title,
  'm' as message,
  'LOW' as severity,
  'backend' as category,
  'r' as rule
from generate_series(2, 6) as numbers (number);

insert into monitoring.incident_hours (incident_id, hour, occurrences, first_seen, last_seen)
with days as (select date_trunc('day', now(), 'UTC') - interval '5 days' as yesterday)

select
  id,
  date_trunc('hour', yesterday + since, 'UTC') as hour,
  occurrences,
  yesterday + since as first_seen,
  yesterday + until as last_seen
from (
  values
  ('INC-2', 1::bigint, interval '14 hours 2 minutes', interval '14 hours 2 minutes'),
  ('INC-3', 600, interval '14 hours 2 minutes', interval '14 hours 52 minutes'),
  ('INC-4', 3, interval '14 hours', interval '14 hours 59 minutes'),
  ('INC-4', 3, interval '15 hours', interval '16 hours'),
  ('INC-5', 9, interval '14 hours', interval '86 hours')
) as given (id, occurrences, since, until)
cross join days;

select is(
  (
    select
      array_agg(
        replace(public.incident_activity(id) ->> 'rate', to_char(now() - interval '5 days', 'YYYY-MM-DD'), 'DAY')
        order by id
      )
    from public.incidents
    where id in ('INC-2', 'INC-3', 'INC-4', 'INC-5')
  ),
  array[
    'once at DAY 14:02 UTC', '12 a minute from DAY 14:02 to 14:52 UTC', '3 an hour from DAY 14:00 to 16:00 UTC',
    '3 a day from DAY 14:00 to ' || to_char(now() - interval '2 days', 'YYYY-MM-DD') || ' 14:00 UTC'
  ], 'a rate that is over says from when to when'
);

insert into monitoring.incident_hours (incident_id, hour, occurrences, first_seen, last_seen)
select
  'INC-6' as incident_id,
  date_trunc('hour', at, 'UTC') as hour,
  20 as occurrences,
  at as first_seen,
  at as last_seen
from (select now() - interval '10 minutes') as given (at);

select alike(
  public.incident_activity('INC-6') ->> 'rate', '20 a minute since %',
  'ten minutes of silence are no end, counted to the beginning of the transaction'
);

select results_eq(
  $$ select activity ->> 'pace', (activity ->> 'is_over')::boolean, activity ->> 'rate'
     from public.incidents
     cross join monitoring.page_activity(incidents) as page (activity)
     where id in ('INC-2', 'INC-3', 'INC-6')
     order by id $$,
  $$ values ('once', true, null), ('12 a minute', true, null), ('20 a minute', false, null) $$,
  'a page gets the words and the times apart'
);

grant select on burst to authenticated;

set local role authenticated;

select ok(
  (
    select listed ->> 'rate' like '12 a minute since %' and not listed ?| array['pace', 'since', 'until', 'is_over']
    from (select public.list_incidents('{"limit": "1", "severity": "LOW"}')::jsonb #> '{incidents,0}') as page (listed)
  ),
  'the list of incidents has the rate'
);

select is(
  public.incident_context('INC-1') #> '{incident,activity}', public.incident_activity('INC-1'),
  'and so has the document for a language model'
);

select is(
  (
    select sum(occurrences) from public.incident_occurrences
    where
      incident_id = 'INC-1'
      and release = '1'
  ), (select extract(epoch from now() - began) / 5 + 1 from burst), 'agents read the counts'
);

reset role;

select * from finish();

rollback;
