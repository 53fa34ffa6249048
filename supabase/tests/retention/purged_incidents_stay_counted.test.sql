begin;

select plan(4);

delete from monitoring.incident_daily_stats;

delete from monitoring.incident_days;

insert into monitoring.incident_days (
  day, severity, category, incidents, acknowledged, occurrences, seconds_to_acknowledge, seconds_to_resolve
)
values ((now() at time zone 'UTC')::date - 500, 'LOW', 'frontend', 2, 1, 9, 60, 240);

select monitoring.roll_up_incidents();

select results_eq(
  $$ select opened, resolved, mtta, mttr from public.incident_stats
     where day = (now() at time zone 'UTC')::date - 500 and category = 'frontend' $$,
  $$ values (2::bigint, 2::bigint, interval '60 seconds', interval '120 seconds') $$,
  'days of which every incident was purged keep their figures, also when all days are counted again'
);

insert into public.incidents (id, fingerprint, title, message, severity, category, rule, first_seen, last_seen)
values
('INC-1', 'ret late', 't', 'm', 'LOW', 'frontend', 'r', now() - interval '500 days', now() - interval '500 days');

update monitoring.incident_daily_stats
set opened = 3
where incident_daily_stats.day = (now() at time zone 'UTC')::date - 500;

update public.incidents
set status = 'resolved', resolved_at = now()
where incidents.id = 'INC-1';

select monitoring.roll_up_incidents();

select results_eq(
  $$ select opened, resolved from public.incident_stats
     where day = (now() at time zone 'UTC')::date - 500 and category = 'frontend' $$,
  $$ values (3::bigint, 3::bigint) $$,
  'the day of an incident that was resolved late is counted again, with what was purged'
);

insert into monitoring.incident_daily_stats
values ((now() at time zone 'UTC')::date - 600, 'LOW', 'frontend', 5, 0, 0, 0, 0);

select monitoring.roll_up_incidents();

select results_eq(
  $$ select opened from public.incident_stats where day = (now() at time zone 'UTC')::date - 600 $$, array[5::bigint],
  'a day on which nothing changed is not counted again'
);

-- The job did not run for a week.
insert into public.incidents (id, fingerprint, title, message, severity, category, rule, first_seen, last_seen)
values
('INC-2', 'ret week', 't', 'm', 'LOW', 'database', 'r', now() - interval '300 days', now() - interval '300 days'),
('INC-3', 'ret last', 't', 'm', 'LOW', 'database', 'r', now() - interval '8 days', now() - interval '8 days');

select monitoring.roll_up_incidents();

-- Other tests may have left incidents of these days.
delete from monitoring.incident_daily_stats
where incident_daily_stats.day > (now() at time zone 'UTC')::date - 8;

update public.incidents
set status = 'resolved', resolved_at = now() - interval '5 days'
where incidents.id = 'INC-2';

select monitoring.roll_up_incidents();

select results_eq(
  $$ select opened, resolved from public.incident_stats
     where day = (now() at time zone 'UTC')::date - 300 and category = 'database' $$,
  $$ values (1::bigint, 1::bigint) $$,
  'and that of one that was resolved while the job did not run'
);

select * from finish();

rollback;
