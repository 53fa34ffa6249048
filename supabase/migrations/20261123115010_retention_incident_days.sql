-- Purpose: keeps the figures of purged incidents by day, so that public.incident_stats has the same figures as before.
-- Objects: table monitoring.incident_days; functions monitoring.find_retention_end, monitoring.list_changed_days.
-- Risks: a day is counted from the incidents that are left and this table together. Who deletes an incident in another
--   way than purge_incidents() takes it out of the figures of its day.

create table monitoring.incident_days (
  day date not null,
  severity public.incident_severity not null,
  category public.incident_category not null,
  incidents bigint not null,
  acknowledged bigint not null,
  occurrences bigint not null,
  seconds_to_acknowledge double precision not null,
  seconds_to_resolve double precision not null,
  primary key (day, severity, category),
  constraint purged_figures_are_in_order check (
    acknowledged >= 0 and incidents >= acknowledged and occurrences >= incidents
  )
);

alter table monitoring.incident_days enable row level security;

create policy incident_days_is_read_by_nobody on monitoring.incident_days
for select to authenticated
using (false);

revoke all on table monitoring.incident_days from public, anon, authenticated, service_role;

comment on table monitoring.incident_days is
'Figures of the incidents that retention deleted, per day on which they opened (UTC). At most 20 rows a day, kept
without limit. incident_stats includes them.';

comment on column monitoring.incident_days.day is 'Day on which the incidents opened, in UTC.';

comment on column monitoring.incident_days.severity is 'Last severity of the incidents.';

comment on column monitoring.incident_days.category is 'Category of the incidents.';

comment on column monitoring.incident_days.incidents is 'Number of deleted incidents. All of them were resolved.';

comment on column monitoring.incident_days.acknowledged is 'Number of them that were acknowledged.';

comment on column monitoring.incident_days.occurrences is 'Number of their occurrences.';

comment on column monitoring.incident_days.seconds_to_acknowledge is 'Sum of their times to acknowledge, in seconds.';

comment on column monitoring.incident_days.seconds_to_resolve is
'Sum of the times that they were open, in seconds, without those between a resolution and a reopening.';

comment on constraint purged_figures_are_in_order on monitoring.incident_days is
'acknowledged must be between 0 and incidents, and occurrences not less than incidents.';

-- Finds what retention deletes, and the days of incidents that were resolved lately. By day: an index on the time
-- itself would also be chosen, without statistics, to find the latest incident of a fingerprint, and read many others.
create index incidents_resolved_day_idx on public.incidents (((resolved_at at time zone 'UTC')::date))
where status = 'resolved';

create function monitoring.find_retention_end(field text)
returns timestamptz
language sql
stable
strict
security invoker
set search_path = ''
as $$
  select now() - make_interval(days => (monitoring.config('retention') ->> find_retention_end.field)::integer)
$$;

comment on function monitoring.find_retention_end(text) is
'Returns the time before which rows are deleted, by a field of retention that is a number of days.';

create function monitoring.list_changed_days(until date, since date)
returns setof date
language sql
stable
strict
security invoker
set search_path = ''
as $$
  select distinct (incidents.first_seen at time zone 'UTC')::date
  from public.incidents
  where incidents.status = 'resolved'
    and (incidents.resolved_at at time zone 'UTC')::date
      >= least(list_changed_days.since, (now() at time zone 'UTC')::date - 2)
    and incidents.first_seen < list_changed_days.until::timestamp at time zone 'UTC'
$$;

comment on function monitoring.list_changed_days(date, date) is
'Returns the days before until on which incidents opened that were resolved since a day, at least today or on the 2 days
before: their figures changed.';
