begin;

select plan(8);

create function pg_temp.minutes(incident_id text)
returns numeric
language sql
as $$
  select round(extract(epoch from incidents.time_to_resolution) / 60)
  from public.incidents
  where incidents.id = minutes.incident_id;
$$;

insert into public.incidents (
  id, fingerprint, title, message, severity, category, rule, sender, first_seen, last_seen, status, resolved_at
)
select
  'INC-' || number as id,
  'health-check:tap-' || number as fingerprint,
  't' as title,
  'm' as message,
  'LOW' as severity,
  'backend' as category,
  'r' as rule,
  'health-check' as sender,
  now() - interval '10 hours' as first_seen,
  now() - interval '9 hours' as last_seen,
  'resolved' as status,
  now() - interval '8 hours' as resolved_at
from generate_series(1, 4) as numbers (number);

select is(pg_temp.minutes('INC-1'), 120::numeric, 'an incident that was never reopened was open since it was first seen');

select is(
  (
    select time_to_resolution
    from public.reopen_incident('INC-1', 'did not hold')
  ), null, 'it has no time to resolution while it is open'
);

select public.resolve_incident('INC-1', 'restarted');

select is(pg_temp.minutes('INC-1'), 120::numeric, 'the 8 hours between the resolution and the reopening do not count');

update public.incidents
set status = 'open', resolved_at = null
where incidents.id = 'INC-2';

update public.incidents
set reopened_at = now() - interval '30 minutes'
where incidents.id = 'INC-2';

select monitoring.resolve_incidents(array['health-check:tap-2'], 'tap', 'tap', 'it answers');

select is(pg_temp.minutes('INC-2'), 150::numeric, 'a change in the table editor and a health check count too');

update public.incidents
set status = 'open', resolved_at = null, reopened_at = now() - interval '9 hours'
where incidents.id = 'INC-3';

select results_eq(
  $$ select reopened_at, open_before from public.incidents where id = 'INC-3' $$,
  $$ values (now() - interval '8 hours', interval '2 hours') $$,
  'no incident is reopened before it was resolved'
);

select monitoring.resolve_incidents(
  array['health-check:tap-3'], 'tap', 'tap', 'earlier than it was reopened', now() - interval '9 hours'
);

select is(pg_temp.minutes('INC-3'), 120::numeric, 'nor resolved before it was reopened');

update public.incidents
set status = 'open', resolved_at = null, resolved_by = null, resolution = null
where incidents.id in ('INC-2', 'INC-4');

select is(
  (
    select round(extract(epoch from incidents.open_before) / 60)
    from public.incidents
    where incidents.id = 'INC-2'
  ), 150::numeric, 'each time adds to the sum'
);

delete from monitoring.incident_daily_stats;

select public.resolve_incident('INC-4', 'again');

-- Other incidents of the day count too.
select is(
  (
    select round(extract(epoch from mttr))
    from public.incident_stats
    where
      category = 'backend'
      and severity = 'LOW'
      and day = ((now() - interval '10 hours') at time zone 'UTC')::date
  ),
  (
    select round(extract(epoch from avg(time_to_resolution)))
    from public.incidents
    where
      category = 'backend'
      and severity = 'LOW'
      and (first_seen at time zone 'UTC')::date = ((now() - interval '10 hours') at time zone 'UTC')::date
  ),
  'the mean time to resolution is that of the time that incidents were open'
);

select * from finish();

rollback;
