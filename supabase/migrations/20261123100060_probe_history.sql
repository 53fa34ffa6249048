-- Purpose: sums checks up per hour and per day, and purges old rows.
-- Objects: tables monitoring.target_hourly_stats, monitoring.target_daily_stats; functions monitoring.count_checks,
--   monitoring.roll_up_checks, monitoring.roll_up_days, monitoring.purge_history.
-- Risks: a check may be purged only after its hour was summed up: purge_history() sums up first.

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
  primary key (target, hour),
  constraint checks_add_up check (checks = up + degraded + down + unknown + maintenance)
);

create index target_hourly_stats_hour_idx on monitoring.target_hourly_stats (hour);

alter table monitoring.target_hourly_stats enable row level security;

create policy target_hourly_stats_are_read_by_agents on monitoring.target_hourly_stats
for select to authenticated
using (true);

revoke all on table monitoring.target_hourly_stats from public, anon, authenticated, service_role;

-- Only for the views public.target_status and public.target_history, which run with the privileges of their reader.
grant select on table monitoring.target_hourly_stats to authenticated, service_role;

comment on table monitoring.target_hourly_stats is
'Health-check counts and response times per target and completed hour.';

comment on column monitoring.target_hourly_stats.target is 'Name of the target.';

comment on column monitoring.target_hourly_stats.hour is 'Start of the hour.';

comment on column monitoring.target_hourly_stats.checks is 'Number of rounds in the hour.';

comment on column monitoring.target_hourly_stats.up is 'Number of rounds that were up.';

comment on column monitoring.target_hourly_stats.degraded is
'Number of rounds that were degraded: successful but too slow.';

comment on column monitoring.target_hourly_stats.down is 'Number of rounds that were down.';

comment on column monitoring.target_hourly_stats.unknown is
'Number of rounds without a response: neither uptime nor downtime.';

comment on column monitoring.target_hourly_stats.maintenance is
'Number of rounds in a maintenance window, whatever their result.';

comment on column monitoring.target_hourly_stats.p50_ms is 'Median response time in milliseconds.';

comment on column monitoring.target_hourly_stats.p95_ms is '95th percentile of the response time in milliseconds.';

comment on column monitoring.target_hourly_stats.max_ms is 'Longest response time in milliseconds.';

create function monitoring.count_checks(since timestamptz, until timestamptz)
returns setof monitoring.target_hourly_stats
language sql
stable
strict
security invoker
set search_path = ''
as $$
  select
    checks.target,
    checks.hour,
    count(*)::integer,
    count(*) filter (where checks.status = 'up' and not checks.is_maintenance)::integer,
    count(*) filter (where checks.status = 'degraded' and not checks.is_maintenance)::integer,
    count(*) filter (where checks.status = 'down' and not checks.is_maintenance)::integer,
    count(*) filter (where checks.status = 'unknown' and not checks.is_maintenance)::integer,
    count(*) filter (where checks.is_maintenance)::integer,
    round(percentile_cont(0.5) within group (order by checks.response_time_ms))::integer,
    round(percentile_cont(0.95) within group (order by checks.response_time_ms))::integer,
    max(checks.response_time_ms)
  from (
    select
      monitoring_checks.target,
      monitoring_checks.status,
      monitoring_checks.is_maintenance,
      -- The response time of an error is not representative.
      case when monitoring_checks.status in ('up', 'degraded') then monitoring_checks.response_time_ms end
        as response_time_ms,
      date_trunc('hour', monitoring_checks.scheduled_at, 'UTC') as hour
    from public.monitoring_checks
    where monitoring_checks.scheduled_at >= count_checks.since
      and monitoring_checks.scheduled_at < count_checks.until
      and monitoring_checks.status <> 'pending'
  ) as checks
  group by checks.target, checks.hour
$$;

comment on function monitoring.count_checks(timestamptz, timestamptz) is
'Returns the counts per target and hour of the checks scheduled from since until before until.';

create function monitoring.roll_up_checks()
returns bigint
language sql
volatile
security invoker
set search_path = ''
as $$
  with span as (
    select
      -- The last hour is counted again, because rounds may have been judged late.
      coalesce(
        (select max(target_hourly_stats.hour) from monitoring.target_hourly_stats) - interval '1 hour',
        (select min(monitoring_checks.scheduled_at) from public.monitoring_checks),
        now()
      ) as since,
      date_trunc('hour', now(), 'UTC') as until
  ),

  rolled_up as (
    insert into monitoring.target_hourly_stats
    select counted.*
    from span
    cross join lateral monitoring.count_checks(span.since, span.until) as counted
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
        max_ms = excluded.max_ms
    returning target_hourly_stats.target
  )

  select count(*)
  from rolled_up
$$;

comment on function monitoring.roll_up_checks() is
'Sums the checks of completed hours up since the last run, and returns the number of rows written. Safe to repeat.';

create table monitoring.target_daily_stats (
  target text not null,
  day date not null,
  up integer not null,
  degraded integer not null,
  down integer not null,
  unknown integer not null,
  maintenance integer not null,
  primary key (target, day)
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
'Health-check counts per target and completed day (UTC), so that 90 days are 90 rows instead of 2,160.';

comment on column monitoring.target_daily_stats.target is 'Name of the target.';

comment on column monitoring.target_daily_stats.day is 'Day, in UTC.';

comment on column monitoring.target_daily_stats.up is 'Number of rounds that were up.';

comment on column monitoring.target_daily_stats.degraded is
'Number of rounds that were degraded: successful but too slow.';

comment on column monitoring.target_daily_stats.down is 'Number of rounds that were down.';

comment on column monitoring.target_daily_stats.unknown is 'Number of rounds without a response.';

comment on column monitoring.target_daily_stats.maintenance is
'Number of rounds in a maintenance window, whatever their result.';

create function monitoring.roll_up_days()
returns bigint
language sql
volatile
security invoker
set search_path = ''
as $$
  with rolled_up as (
    insert into monitoring.target_daily_stats
    select
      target_hourly_stats.target,
      (target_hourly_stats.hour at time zone 'UTC')::date as day,
      sum(target_hourly_stats.up),
      sum(target_hourly_stats.degraded),
      sum(target_hourly_stats.down),
      sum(target_hourly_stats.unknown),
      sum(target_hourly_stats.maintenance)
    from monitoring.target_hourly_stats
    -- The last day is counted again, because its last hour may have changed.
    where target_hourly_stats.hour >= coalesce(
      (select max(target_daily_stats.day) from monitoring.target_daily_stats)::timestamp at time zone 'UTC', '-infinity'
    )
      and target_hourly_stats.hour < date_trunc('day', now(), 'UTC')
    group by target_hourly_stats.target, (target_hourly_stats.hour at time zone 'UTC')::date
    order by day, target_hourly_stats.target
    on conflict (target, day) do update
      set
        up = excluded.up,
        degraded = excluded.degraded,
        down = excluded.down,
        unknown = excluded.unknown,
        maintenance = excluded.maintenance
    returning target_daily_stats.target
  )

  select count(*)
  from rolled_up
$$;

comment on function monitoring.roll_up_days() is
'Sums the hours of completed days up since the last run, and returns the number of rows written. Safe to repeat.';

create function monitoring.purge_history()
returns jsonb
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  v_retention jsonb := monitoring.config('retention');
  v_checks bigint;
  v_hours bigint;
  v_days bigint;
  v_actions bigint;
  v_deliveries bigint;
  v_services bigint;
  v_occurrences bigint;
  v_runs bigint;
begin
  perform monitoring.install_answer_trigger();
  perform monitoring.roll_up_checks();
  perform monitoring.roll_up_days();

  delete from public.monitoring_checks
  where monitoring_checks.scheduled_at
    < now() - make_interval(days => (v_retention ->> 'monitoring_checks_days')::integer)
    and monitoring_checks.status <> 'pending';
  get diagnostics v_checks = row_count;

  -- Whole days only: a day counted again from its remaining hours would lose the purged ones.
  delete from monitoring.target_hourly_stats
  where target_hourly_stats.hour
    < date_trunc('day', now(), 'UTC') - make_interval(days => (v_retention ->> 'target_history_days')::integer);
  get diagnostics v_hours = row_count;

  delete from monitoring.target_daily_stats
  where target_daily_stats.day
    < (now() at time zone 'UTC')::date - (v_retention ->> 'target_history_days')::integer;
  get diagnostics v_days = row_count;

  v_actions := monitoring.purge_agent_actions();

  perform monitoring.purge_looks();

  delete from monitoring.deliveries
  where deliveries.received_at
    < now() - make_interval(days => (v_retention ->> 'deliveries_days')::integer)
    -- The last delivery of Sentry is kept, because check_sentry_feed() needs its time.
    and (
      deliveries.kind <> 'sentry'
      or deliveries.received_at < (
        select max(newest.received_at)
        from monitoring.deliveries as newest
        where newest.kind = 'sentry'
      )
    );
  get diagnostics v_deliveries = row_count;

  delete from monitoring.incident_hours
  where incident_hours.hour < now() - make_interval(days => (v_retention ->> 'incident_hours_days')::integer);
  get diagnostics v_occurrences = row_count;

  delete from monitoring.service_versions
  where service_versions.last_seen < now() - interval '90 days';
  get diagnostics v_services = row_count;

  begin
    delete from cron.job_run_details
    where job_run_details.end_time
      < now() - make_interval(days => (v_retention ->> 'job_runs_days')::integer);
    get diagnostics v_runs = row_count;
  exception
    when insufficient_privilege then
      raise notice 'cron.job_run_details may not be purged by %', current_user;
  end;

  return jsonb_build_object(
    'monitoring_checks', v_checks,
    'target_hourly_stats', v_hours,
    'target_daily_stats', v_days,
    'agent_actions', v_actions,
    'deliveries', v_deliveries,
    'incident_hours', v_occurrences,
    'service_versions', v_services,
    'job_runs', v_runs
  ) || monitoring.purge_notifications();
end
$$;

comment on function monitoring.purge_history() is
'Deletes rows older than system_config.retention, including the log of pg_cron, and versions of services not seen for 90
days, and recreates the trigger on net._http_response if an update of pg_net dropped it. Returns the number of rows per
table, null where the privilege is missing. pg_cron runs it each night.';
