-- Purpose: sums checks up per hour and per day.
-- Objects: tables monitoring.target_hourly_stats, monitoring.target_daily_stats; functions monitoring.write_hours,
--   monitoring.write_days, monitoring.roll_up_checks, monitoring.roll_up_days.
-- Risks: a check may be purged only after the hours in which it stands were summed up: drop_old_partitions() sees to
--   that.
--   The view monitoring.counted_hours counts, for readers as for the roll-up, so that both have the same figures.

create table monitoring.target_hourly_stats (
  target text not null,
  hour timestamptz not null,
  checks integer not null,
  up integer not null,
  degraded integer not null,
  down integer not null,
  unknown integer not null,
  maintenance integer not null,
  p50_ms integer,
  p95_ms integer,
  max_ms integer,
  up_seconds integer not null default 0,
  degraded_seconds integer not null default 0,
  down_seconds integer not null default 0,
  unknown_seconds integer not null default 0,
  maintenance_seconds integer not null default 0,
  gap_seconds integer not null default 0,
  is_final boolean not null default true,
  primary key (target, hour),
  constraint checks_add_up check (checks = up + degraded + down + unknown + maintenance),
  constraint seconds_fit_into_the_hour check (
    least(up_seconds, degraded_seconds, down_seconds, unknown_seconds, maintenance_seconds, gap_seconds) >= 0
    and up_seconds + degraded_seconds + down_seconds + unknown_seconds + maintenance_seconds + gap_seconds <= 3600
  )
);

create index target_hourly_stats_hour_idx on monitoring.target_hourly_stats (hour);

-- Finds what is to be counted again.
create index target_hourly_stats_open_idx on monitoring.target_hourly_stats (hour)
where not is_final;

alter table monitoring.target_hourly_stats enable row level security;

create policy target_hourly_stats_are_read_by_agents on monitoring.target_hourly_stats
for select to authenticated
using (true);

revoke all on table monitoring.target_hourly_stats from public, anon, authenticated, service_role;

-- Only for the view public.target_history, which runs with the privileges of its reader.
grant select on table monitoring.target_hourly_stats to authenticated, service_role;

comment on table monitoring.target_hourly_stats is
'Health-check counts, times and response times per target and completed hour.';

comment on column monitoring.target_hourly_stats.target is 'Name of the target.';

comment on column monitoring.target_hourly_stats.hour is 'Start of the hour.';

comment on column monitoring.target_hourly_stats.checks is 'Number of rounds in the hour.';

comment on column monitoring.target_hourly_stats.up is 'Number of rounds that were up.';

comment on column monitoring.target_hourly_stats.degraded is
'Number of rounds that were degraded: successful but too slow.';

comment on column monitoring.target_hourly_stats.down is 'Number of rounds that were down.';

comment on column monitoring.target_hourly_stats.unknown is
'Number of rounds that were unknown or disputed: neither uptime nor downtime.';

comment on column monitoring.target_hourly_stats.maintenance is
'Number of rounds in a maintenance window, whatever their result.';

comment on column monitoring.target_hourly_stats.p50_ms is 'Median response time in milliseconds.';

comment on column monitoring.target_hourly_stats.p95_ms is '95th percentile of the response time in milliseconds.';

comment on column monitoring.target_hourly_stats.max_ms is 'Longest response time in milliseconds.';

comment on column monitoring.target_hourly_stats.up_seconds is
'Seconds in which the target was up.';

comment on column monitoring.target_hourly_stats.degraded_seconds is
'Seconds in which the target was degraded: successful but too slow.';

comment on column monitoring.target_hourly_stats.down_seconds is
'Seconds in which the target was down.';

comment on column monitoring.target_hourly_stats.unknown_seconds is
'Seconds in which its state was unknown or disputed.';

comment on column monitoring.target_hourly_stats.maintenance_seconds is
'Seconds in a maintenance window, whatever the state.';

comment on column monitoring.target_hourly_stats.gap_seconds is
'Seconds of the hour that no check covers, since the first check of the target.';

comment on column monitoring.target_hourly_stats.is_final is
'Whether every check of the hour was judged when it was counted. If not, the next roll-up counts it again.';

comment on constraint checks_add_up on monitoring.target_hourly_stats is
'checks must be the sum of up, degraded, down, unknown and maintenance.';

comment on constraint seconds_fit_into_the_hour on monitoring.target_hourly_stats is
'The seconds must not be negative, and not more than 3,600 together.';

create table monitoring.target_daily_stats (
  target text not null,
  day date not null,
  up integer not null,
  degraded integer not null,
  down integer not null,
  unknown integer not null,
  maintenance integer not null,
  up_seconds integer not null default 0,
  degraded_seconds integer not null default 0,
  down_seconds integer not null default 0,
  unknown_seconds integer not null default 0,
  maintenance_seconds integer not null default 0,
  gap_seconds integer not null default 0,
  p50_ms integer,
  p95_ms integer,
  primary key (target, day),
  constraint seconds_fit_into_the_day check (
    least(up_seconds, degraded_seconds, down_seconds, unknown_seconds, maintenance_seconds, gap_seconds) >= 0
    and up_seconds + degraded_seconds + down_seconds + unknown_seconds + maintenance_seconds + gap_seconds <= 86400
  )
);

create index target_daily_stats_day_idx on monitoring.target_daily_stats (day);

alter table monitoring.target_daily_stats enable row level security;

create policy target_daily_stats_are_read_by_agents on monitoring.target_daily_stats
for select to authenticated
using (true);

revoke all on table monitoring.target_daily_stats from public, anon, authenticated, service_role;

-- Only for the view public.target_days, which runs with the privileges of its reader.
grant select on table monitoring.target_daily_stats to authenticated, service_role;

comment on table monitoring.target_daily_stats is
'Health-check counts and times per target and completed day (UTC), so that 90 days are 90 rows instead of 2,160.';

comment on column monitoring.target_daily_stats.target is 'Name of the target.';

comment on column monitoring.target_daily_stats.day is 'Day, in UTC.';

comment on column monitoring.target_daily_stats.up is 'Number of rounds that were up.';

comment on column monitoring.target_daily_stats.degraded is
'Number of rounds that were degraded: successful but too slow.';

comment on column monitoring.target_daily_stats.down is 'Number of rounds that were down.';

comment on column monitoring.target_daily_stats.unknown is 'Number of rounds that were unknown or disputed.';

comment on column monitoring.target_daily_stats.maintenance is
'Number of rounds in a maintenance window, whatever their result.';

comment on column monitoring.target_daily_stats.up_seconds is
'Seconds in which the target was up.';

comment on column monitoring.target_daily_stats.degraded_seconds is
'Seconds in which the target was degraded: successful but too slow.';

comment on column monitoring.target_daily_stats.down_seconds is
'Seconds in which the target was down.';

comment on column monitoring.target_daily_stats.unknown_seconds is
'Seconds in which its state was unknown or disputed.';

comment on column monitoring.target_daily_stats.maintenance_seconds is
'Seconds in a maintenance window, whatever the state.';

comment on column monitoring.target_daily_stats.gap_seconds is
'Seconds of the day that no check covers, since the first check of the target.';

comment on column monitoring.target_daily_stats.p50_ms is
'Median of the medians of the hours, in milliseconds.';

comment on column monitoring.target_daily_stats.p95_ms is
'95th percentile of the response time in the slowest hour, in milliseconds.';

comment on constraint seconds_fit_into_the_day on monitoring.target_daily_stats is
'The seconds must not be negative, and not more than 86,400 together.';

create function monitoring.write_hours(since timestamptz, until timestamptz)
returns bigint
language plpgsql
volatile
strict
security invoker
set search_path = ''
as $$
declare
  v_written bigint;
begin
  insert into monitoring.target_hourly_stats (
    target, hour, checks, up, degraded, down, unknown, maintenance, p50_ms, p95_ms, max_ms, up_seconds,
    degraded_seconds, down_seconds, unknown_seconds, maintenance_seconds, gap_seconds, is_final
  )
  select
    counted.target, counted.hour, counted.checks, counted.up, counted.degraded, counted.down, counted.unknown,
    counted.maintenance, counted.p50_ms, counted.p95_ms, counted.max_ms, counted.up_seconds,
    counted.degraded_seconds, counted.down_seconds, counted.unknown_seconds, counted.maintenance_seconds,
    counted.gap_seconds, counted.is_final
  from monitoring.counted_hours as counted
  where counted.hour >= write_hours.since
    and counted.hour < write_hours.until
  order by counted.hour, counted.target
  on conflict (target, hour) do update
    set
      checks = excluded.checks,
      up = excluded.up,
      degraded = excluded.degraded,
      down = excluded.down,
      unknown = excluded.unknown,
      maintenance = excluded.maintenance,
      p50_ms = excluded.p50_ms,
      p95_ms = excluded.p95_ms,
      max_ms = excluded.max_ms,
      up_seconds = excluded.up_seconds,
      degraded_seconds = excluded.degraded_seconds,
      down_seconds = excluded.down_seconds,
      unknown_seconds = excluded.unknown_seconds,
      maintenance_seconds = excluded.maintenance_seconds,
      gap_seconds = excluded.gap_seconds,
      is_final = excluded.is_final;
  get diagnostics v_written = row_count;
  return v_written;
end
$$;

comment on function monitoring.write_hours(timestamptz, timestamptz) is
'Stores the rows of the view counted_hours from since until before until, and returns their number.';

create function monitoring.write_days(since date, until date)
returns bigint
language sql
volatile
strict
security invoker
set search_path = ''
as $$
  with written as (
    insert into monitoring.target_daily_stats (
      target, day, up, degraded, down, unknown, maintenance, up_seconds, degraded_seconds, down_seconds,
      unknown_seconds, maintenance_seconds, gap_seconds, p50_ms, p95_ms
    )
    select
      hours.target,
      (hours.hour at time zone 'UTC')::date as day,
      sum(hours.up),
      sum(hours.degraded),
      sum(hours.down),
      sum(hours.unknown),
      sum(hours.maintenance),
      sum(hours.up_seconds),
      sum(hours.degraded_seconds),
      sum(hours.down_seconds),
      sum(hours.unknown_seconds),
      sum(hours.maintenance_seconds),
      sum(hours.gap_seconds),
      round(percentile_cont(0.5) within group (order by hours.p50_ms))::integer,
      max(hours.p95_ms)
    from monitoring.target_hourly_stats as hours
    where hours.hour >= write_days.since::timestamp at time zone 'UTC'
      and hours.hour < write_days.until::timestamp at time zone 'UTC'
    group by hours.target, (hours.hour at time zone 'UTC')::date
    order by day, hours.target
    on conflict (target, day) do update
      set
        up = excluded.up,
        degraded = excluded.degraded,
        down = excluded.down,
        unknown = excluded.unknown,
        maintenance = excluded.maintenance,
        up_seconds = excluded.up_seconds,
        degraded_seconds = excluded.degraded_seconds,
        down_seconds = excluded.down_seconds,
        unknown_seconds = excluded.unknown_seconds,
        maintenance_seconds = excluded.maintenance_seconds,
        gap_seconds = excluded.gap_seconds,
        p50_ms = excluded.p50_ms,
        p95_ms = excluded.p95_ms
    returning target_daily_stats.target
  )

  select count(*)
  from written
$$;

comment on function monitoring.write_days(date, date) is
'Sums the stored hours up by day (UTC) from since until before until, and returns the number of rows written.';

create function monitoring.roll_up_checks()
returns bigint
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  v_started_at timestamptz := clock_timestamp();
  v_current timestamptz := date_trunc('hour', now(), 'UTC');
  -- The view counted_hours has hours without any check for so long.
  v_oldest_gap timestamptz := v_current - interval '744 hours';
  v_last timestamptz;
  v_hour timestamptz;
  v_next timestamptz;
  v_days date[];
  v_rows bigint;
  v_written bigint;
begin
  -- One at a time: each run writes the same hours again.
  perform pg_advisory_xact_lock(20261123, 1801);
  -- Stored while the clock was ahead.
  delete from monitoring.target_hourly_stats
  where target_hourly_stats.hour >= v_current;

  v_last := (select max(target_hourly_stats.hour) from monitoring.target_hourly_stats);
  v_hour := coalesce(
    v_last + interval '1 hour',
    date_trunc(
      'hour',
      least(
        (select min(monitoring_checks.scheduled_at) from public.monitoring_checks),
        (select min(probes.scheduled_at) from monitoring.probes)
      ),
      'UTC'
    )
  );
  -- The last hour is counted again in any case: while the clock was ahead, it may have been counted before its end.
  update monitoring.target_hourly_stats
  set is_final = false
  where target_hourly_stats.hour = v_last
    and target_hourly_stats.hour >= v_oldest_gap
    and target_hourly_stats.is_final;
  v_days := array(
    select distinct (target_hourly_stats.hour at time zone 'UTC')::date
    from monitoring.target_hourly_stats
    where not target_hourly_stats.is_final
  );
  v_written := coalesce(monitoring.write_hours('-infinity', v_hour), 0);
  perform monitoring.write_days(changed.day, changed.day + 1)
  from unnest(v_days) as changed (day)
  where exists (select from monitoring.target_daily_stats where target_daily_stats.day = changed.day);

  -- What remains after 30 seconds is left to the next runs. Each run counts at least one hour.
  while v_hour < v_current and (v_rows is null or clock_timestamp() < v_started_at + interval '30 seconds') loop
    v_rows := monitoring.write_hours(v_hour, v_hour + interval '1 hour');
    v_written := v_written + v_rows;
    v_next := v_hour + interval '1 hour';
    if v_rows = 0 then
      -- Without a target in this hour, there is none before the next check. The gap before it begins with v_oldest_gap.
      v_next := greatest(
        v_next,
        coalesce(
          date_trunc(
            'hour',
            least(
              (
                select min(monitoring_checks.scheduled_at)
                from public.monitoring_checks
                where monitoring_checks.scheduled_at >= v_next
              ),
              (select min(probes.scheduled_at) from monitoring.probes where probes.scheduled_at >= v_next)
            ),
            'UTC'
          ),
          v_current
        )
      );
      if v_hour < v_oldest_gap then
        v_next := least(v_next, v_oldest_gap);
      end if;
    end if;
    v_hour := v_next;
  end loop;
  return v_written;
end
$$;

comment on function monitoring.roll_up_checks() is
'Stores the completed hours of the view counted_hours, and returns the number of rows written.

It goes on where the last run ended, also over hours without any check. It counts the last hour again, and each hour in
which a check was not judged, with its day. It takes 30 seconds at most, the next run does the rest. Safe to repeat.';

create function monitoring.roll_up_days()
returns bigint
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  v_started_at timestamptz := clock_timestamp();
  v_until date;
  v_day date;
  v_rows bigint;
  v_written bigint := 0::bigint;
begin
  perform pg_advisory_xact_lock(20261123, 1801);
  -- Stored while the clock was ahead.
  delete from monitoring.target_daily_stats
  where target_daily_stats.day >= (now() at time zone 'UTC')::date;

  -- Until the day of which not every hour is stored yet.
  v_until := (
    select least((max(target_hourly_stats.hour) + interval '1 hour') at time zone 'UTC', now() at time zone 'UTC')::date
    from monitoring.target_hourly_stats
  );
  -- The last day is counted again.
  v_day := coalesce((select max(target_daily_stats.day) from monitoring.target_daily_stats), '-infinity');
  while v_rows is null or clock_timestamp() < v_started_at + interval '30 seconds' loop
    v_day := (
      select (min(target_hourly_stats.hour) at time zone 'UTC')::date
      from monitoring.target_hourly_stats
      where target_hourly_stats.hour >= v_day::timestamp at time zone 'UTC'
    );
    exit when (v_day < v_until) is not true;
    v_rows := monitoring.write_days(v_day, least(v_day + 7, v_until));
    v_written := v_written + v_rows;
    v_day := v_day + 7;
  end loop;
  return v_written;
end
$$;

comment on function monitoring.roll_up_days() is
'Sums the stored hours of completed days up since the last run, and returns the number of rows written. It takes 30
seconds at most, and the next run does the rest. Safe to repeat.';
