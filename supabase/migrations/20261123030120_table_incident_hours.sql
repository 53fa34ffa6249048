-- Purpose: stores how often each incident occurred, by hour, environment and release.
-- Objects: table monitoring.incident_hours; view public.incident_occurrences.
-- Risks: a flood updates the same row in each batch. No column that changes is in an index, and each page keeps room
--   for new versions of its rows, so an update touches no index, and reading removes the old versions.

create table monitoring.incident_hours (
  incident_id text not null references public.incidents (id) on delete cascade,
  hour timestamptz not null,
  environment text not null default '',
  release text not null default '',
  occurrences bigint not null,
  first_seen timestamptz not null,
  last_seen timestamptz not null,
  primary key (incident_id, hour, environment, release),
  constraint hours_begin_on_the_hour check (hour = date_trunc('hour', hour, 'UTC')),
  constraint occurrences_are_positive check (occurrences > 0),
  constraint occurrences_are_in_order check (last_seen >= first_seen)
)
with (
  fillfactor = 70,
  -- A table of many hours and few changes: a fifth of it, the default, would be days of inserted rows.
  autovacuum_vacuum_scale_factor = 0.05,
  autovacuum_analyze_scale_factor = 0.05
);

-- For the jobs that delete old hours and count reports by hour. The primary key serves everything else: all other reads
-- are of one incident. The incident is in both, because in a flood an hour has far more rows than the statistics of the
-- hours before say: the planner takes this index for the better one, and would read all rows of the hour for each
-- report.
create index incident_hours_hour_idx on monitoring.incident_hours (hour, incident_id);

alter table monitoring.incident_hours enable row level security;

create policy incident_hours_are_read_by_agents on monitoring.incident_hours
for select to authenticated
using (true);

revoke all on table monitoring.incident_hours from public, anon, authenticated, service_role;

-- Only for the view public.incident_occurrences, which runs with the privileges of its reader.
grant select on table monitoring.incident_hours to authenticated, service_role;

comment on table monitoring.incident_hours is
'Occurrences of incidents by hour, environment and release, kept for retention.incident_hours_days. Of one incident and
hour, 20 pairs of environment and release have a row, and (other) the rest.';

comment on column monitoring.incident_hours.incident_id is 'Incident. Its hours are deleted with it.';

comment on column monitoring.incident_hours.hour is 'Start of the hour in which the error occurred, in UTC.';

comment on column monitoring.incident_hours.environment is 'Environment; empty for none, (other) for the rest.';

comment on column monitoring.incident_hours.release is 'Version of the product; empty for none, (other) for the rest.';

comment on column monitoring.incident_hours.occurrences is 'Number of occurrences.';

comment on column monitoring.incident_hours.first_seen is 'Time of the first occurrence in the hour.';

comment on column monitoring.incident_hours.last_seen is 'Time of the last occurrence in the hour.';

create view public.incident_occurrences
with (security_invoker = true)
as
select
  hours.incident_id,
  hours.hour,
  hours.occurrences,
  hours.first_seen,
  hours.last_seen,
  nullif(hours.environment, '') as environment,
  nullif(hours.release, '') as release
from monitoring.incident_hours as hours;

revoke all on table public.incident_occurrences from public, anon, authenticated, service_role;

grant select on table public.incident_occurrences to authenticated, service_role;

comment on view public.incident_occurrences is
'Occurrences of each incident by hour, environment and release.

An hour without occurrences has no row. Of one incident and hour, the first 20 pairs of environment and release have a row
of their own; the rest are counted as (other). Kept for retention.incident_hours_days. incident_activity() sums them up.';
