-- Purpose: stores the figures that status pages show of each target, so that a page reads rows instead of counting 90
--   days and the checks of an hour.
-- Objects: tables monitoring.target_figures, monitoring.target_rounds; functions monitoring.count_figures,
--   monitoring.can_count_figures, monitoring.store_figures, monitoring.store_rounds, monitoring.store_target_figures,
--   monitoring.recount_targets, monitoring.follow_judged_rounds, monitoring.follow_changed_rounds; triggers
--   inserted_rounds_are_counted, changed_rounds_are_counted.
-- Risks: whatever writes judged checks holds the advisory lock of judgements (20261123, 1800), and so does the job that
--   counts the hours: no round is counted from one hour and added to the figures of another. Locks are taken by target,
--   after those of incidents. What is written later about an hour that is over is counted by the next hourly run.

create table monitoring.target_figures (
  target text primary key references monitoring.target_states (target) on delete cascade,
  counted_at timestamptz not null,
  hours_until timestamptz not null,
  day date not null,
  up_24h integer not null,
  known_24h integer not null,
  up_7d integer not null,
  known_7d integer not null,
  up_30d integer not null,
  known_30d integer not null,
  up_90d integer not null,
  known_90d integer not null,
  up_today integer not null,
  known_today integer not null,
  is_today_counted boolean not null,
  days jsonb not null,
  constraint hours_end_on_the_hour check (hours_until = date_trunc('hour', hours_until, 'UTC'))
)
with (fillfactor = 50); -- each row is updated each hour

alter table monitoring.target_figures enable row level security;

create policy target_figures_are_read_by_agents on monitoring.target_figures
for select to authenticated
using (true);

revoke all on table monitoring.target_figures from public, anon, authenticated, service_role;

-- Only for the views public.target_status and public.target_panels, which run with the privileges of their reader.
grant select on table monitoring.target_figures to authenticated, service_role;

comment on table monitoring.target_figures is
'Uptime of each target in the hours before hours_until, as the view counted_figures counts it. monitoring.target_rounds
has what came after. A job writes it each hour, and so does the first round of a target.';

comment on column monitoring.target_figures.target is 'Name of the target.';

comment on column monitoring.target_figures.counted_at is 'Time at which the row was counted.';

comment on column monitoring.target_figures.hours_until is
'Beginning of the hour in which the row was counted: all hours before it are in the figures.';

comment on column monitoring.target_figures.day is 'Day (UTC) on which the row was counted, the last one of the bar.';

comment on column monitoring.target_figures.up_24h is
'Seconds up or degraded in the 24 hours that end with the hour in which the row was counted.';

comment on column monitoring.target_figures.known_24h is 'Seconds up, degraded or down in these 24 hours.';

comment on column monitoring.target_figures.up_7d is 'Seconds up or degraded in 168 hours.';

comment on column monitoring.target_figures.known_7d is 'Seconds up, degraded or down in 168 hours.';

comment on column monitoring.target_figures.up_30d is 'Seconds up or degraded in 720 hours.';

comment on column monitoring.target_figures.known_30d is 'Seconds up, degraded or down in 720 hours.';

comment on column monitoring.target_figures.up_90d is 'Seconds up or degraded on the 90 days of the bar.';

comment on column monitoring.target_figures.known_90d is 'Seconds up, degraded or down on the 90 days of the bar.';

comment on column monitoring.target_figures.up_today is 'Seconds up or degraded on the last day of the bar.';

comment on column monitoring.target_figures.known_today is 'Seconds up, degraded or down on the last day of the bar.';

comment on column monitoring.target_figures.is_today_counted is
'Whether the last day of the bar has a row in the view target_days.';

comment on column monitoring.target_figures.days is
'The 89 days before the last one of the bar: [{"day", "status", "uptime_percent"}], oldest first.';

comment on constraint hours_end_on_the_hour on monitoring.target_figures is
'hours_until must be the beginning of an hour.';

create table monitoring.target_rounds (
  target text primary key references monitoring.target_states (target) on delete cascade,
  counted_from timestamptz not null,
  counted_until timestamptz not null,
  up_seconds integer not null,
  known_seconds integer not null,
  is_counted boolean not null,
  last_round_at timestamptz,
  is_maintenance boolean not null,
  stands_as public.check_status,
  stands_until timestamptz,
  p50_ms integer,
  p95_ms integer,
  response_times_ms jsonb not null
)
with (fillfactor = 50); -- each row is updated each round

alter table monitoring.target_rounds enable row level security;

create policy target_rounds_are_read_by_agents on monitoring.target_rounds
for select to authenticated
using (true);

revoke all on table monitoring.target_rounds from public, anon, authenticated, service_role;

-- Only for the views public.target_status and public.target_panels, which run with the privileges of their reader.
grant select on table monitoring.target_rounds to authenticated, service_role;

comment on table monitoring.target_rounds is
'Rounds of each target since target_figures.hours_until, and its latest response times. Each judgement writes it.';

comment on column monitoring.target_rounds.target is 'Name of the target.';

comment on column monitoring.target_rounds.counted_from is
'target_figures.hours_until when the row was counted. If they differ, the row is not used.';

comment on column monitoring.target_rounds.counted_until is 'Time until which the seconds are counted.';

comment on column monitoring.target_rounds.up_seconds is
'Seconds up or degraded from counted_from until counted_until.';

comment on column monitoring.target_rounds.known_seconds is
'Seconds up, degraded or down from counted_from until counted_until.';

comment on column monitoring.target_rounds.is_counted is 'Whether a judged check stands in this time.';

comment on column monitoring.target_rounds.last_round_at is 'Minute of the last judged round. Null before the first.';

comment on column monitoring.target_rounds.is_maintenance is
'Whether the last judged round was in a maintenance window.';

comment on column monitoring.target_rounds.stands_as is
'Status of the last round, which stands after counted_until too. Null if it counts for nothing, as in maintenance.';

comment on column monitoring.target_rounds.stands_until is
'Time until which the last round stands, unless another one comes first.';

comment on column monitoring.target_rounds.p50_ms is
'Median response time in milliseconds of the rounds in the hour before the last judgement that were up or degraded.';

comment on column monitoring.target_rounds.p95_ms is '95th percentile of these response times in milliseconds.';

comment on column monitoring.target_rounds.response_times_ms is
'Response times of the last 60 rounds in milliseconds, oldest first. Null for rounds neither up nor degraded.';

create function monitoring.count_figures(targets text[])
returns monitoring.target_figures[]
language plpgsql
stable
strict
security invoker
set search_path = ''
as $$
begin
  return array(
    select
      row(
        counted.target, now(), counted.hours_until, counted.day, counted.up_24h, counted.known_24h, counted.up_7d,
        counted.known_7d, counted.up_30d, counted.known_30d, counted.up_90d, counted.known_90d, counted.up_today,
        counted.known_today, counted.is_today_counted, counted.days
      )::monitoring.target_figures
    from unnest(count_figures.targets) as wanted (target)
    cross join lateral (
      select figures.*
      from monitoring.counted_figures as figures
      where figures.target = wanted.target
      -- Target by target, by index: a join would count the hours of all others too.
      offset 0
    ) as counted
    order by counted.target
  );
end
$$;

comment on function monitoring.count_figures(text[]) is
'Returns the rows of the view counted_figures of these targets, as monitoring.target_figures stores them.';

create function monitoring.can_count_figures(targets bigint)
returns boolean
language sql
stable
strict
security invoker
set search_path = ''
as $$
  select coalesce(
    can_count_figures.targets
    * date_part(
      'epoch',
      date_trunc('hour', now(), 'UTC') - coalesce(
        (
          select max(target_hourly_stats.hour) + interval '1 hour'
          from monitoring.target_hourly_stats
          where target_hourly_stats.hour < date_trunc('hour', now(), 'UTC')
        ),
        (select min(monitoring_checks.scheduled_at) from public.monitoring_checks)
      )
    ) / 3600 <= 20000,
    true
  )
$$;

comment on function monitoring.can_count_figures(bigint) is
'Returns whether few hours of so many targets are not summed up yet: at most 20,000 together, which are counted in about
5 seconds. Otherwise the roll-up comes first: no judgement must wait until more are counted.';

create function monitoring.store_figures(figures monitoring.target_figures[])
returns void
language sql
volatile
security invoker
set search_path = ''
as $$
  insert into monitoring.target_figures
  select figure.*
  from unnest(store_figures.figures) as figure
  -- Those that were removed meanwhile are not stored.
  join monitoring.target_states on target_states.target = figure.target
  order by figure.target
  on conflict (target) do update
    set
      counted_at = excluded.counted_at,
      hours_until = excluded.hours_until,
      day = excluded.day,
      up_24h = excluded.up_24h,
      known_24h = excluded.known_24h,
      up_7d = excluded.up_7d,
      known_7d = excluded.known_7d,
      up_30d = excluded.up_30d,
      known_30d = excluded.known_30d,
      up_90d = excluded.up_90d,
      known_90d = excluded.known_90d,
      up_today = excluded.up_today,
      known_today = excluded.known_today,
      is_today_counted = excluded.is_today_counted,
      days = excluded.days
$$;

comment on function monitoring.store_figures(monitoring.target_figures[]) is
'Stores counted figures, of targets that still exist. The caller holds the advisory lock of judgements.';

create function monitoring.store_rounds(targets text[])
returns void
language sql
volatile
security invoker
set search_path = ''
as $$
  insert into monitoring.target_rounds (
    target, counted_from, counted_until, up_seconds, known_seconds, is_counted, last_round_at, is_maintenance,
    stands_as, stands_until, p50_ms, p95_ms, response_times_ms
  )
  select
    figures.target, figures.hours_until, date_trunc('second', now()), coalesce(stood.up_seconds, 0),
    coalesce(stood.known_seconds, 0), coalesce(stood.is_counted, false), latest.last_round_at,
    latest.is_maintenance, stood.stands_as, stood.stands_until, latest.p50_ms, latest.p95_ms, latest.response_times_ms
  from monitoring.target_figures as figures
  left join lateral (
    -- As in the view counted_hours: a check stands until the next one, at most for its interval.
    select
      sum(greatest(spans.until - spans.since, 0)) filter (where spans.stands_as in ('up', 'degraded')) as up_seconds,
      sum(greatest(spans.until - spans.since, 0)) filter (where spans.stands_as in ('up', 'degraded', 'down'))
        as known_seconds,
      bool_or(not spans.is_pending and (spans.second >= spans.since or spans.until > spans.since)) as is_counted,
      (array_agg(spans.stands_as order by spans.second desc))[1] as stands_as,
      to_timestamp(max(spans.stands_until)) as stands_until
    from (
      select
        checks.second,
        checks.status = 'pending' as is_pending,
        case when not checks.is_maintenance and checks.status in ('up', 'degraded', 'down') then checks.status end
          as stands_as,
        greatest(checks.second, date_part('epoch', figures.hours_until)::bigint) as since,
        case when lead(checks.second) over in_order is null then checks.stands_until end as stands_until,
        least(lead(checks.second) over in_order, checks.stands_until, floor(date_part('epoch', now()))::bigint) as until
      from (
        select
          all_checks.status,
          all_checks.is_maintenance,
          floor(date_part('epoch', all_checks.scheduled_at))::bigint as second,
          floor(date_part('epoch', all_checks.scheduled_at))::bigint
          + 60 * least(all_checks.interval_minutes, 1440) as stands_until
        from monitoring.all_checks
        where all_checks.target = figures.target
          and all_checks.scheduled_at >= coalesce(
            (
              select max(earlier.scheduled_at)
              from monitoring.all_checks as earlier
              where earlier.target = figures.target
                and earlier.scheduled_at >= figures.hours_until - interval '24 hours'
                and earlier.scheduled_at < figures.hours_until
            ),
            figures.hours_until
          )
          and all_checks.scheduled_at <= now()
          -- With older figures, which wait for the roll-up, the rounds of days would be counted each minute.
          and figures.hours_until > now() - interval '4 hours'
      ) as checks
      window in_order as (order by checks.second)
    ) as spans
  ) as stood on true
  left join lateral (
    select
      max(recent.scheduled_at) filter (where recent.scheduled_at <= now()) as last_round_at,
      coalesce(bool_or(recent.is_maintenance) filter (where recent.place = 1), false) as is_maintenance,
      round(percentile_cont(0.5) within group (order by recent.ms) filter (where recent.is_recent))::integer as p50_ms,
      round(percentile_cont(0.95) within group (order by recent.ms) filter (where recent.is_recent))::integer as p95_ms,
      coalesce(jsonb_agg(recent.ms order by recent.scheduled_at) filter (where recent.place <= 60), '[]')
        as response_times_ms
    from (
      select
        monitoring_checks.scheduled_at,
        monitoring_checks.is_maintenance,
        case when monitoring_checks.status in ('up', 'degraded') then monitoring_checks.response_time_ms end as ms,
        monitoring_checks.scheduled_at >= now() - interval '1 hour' as is_recent,
        row_number() over (order by monitoring_checks.scheduled_at desc) as place
      from public.monitoring_checks
      where monitoring_checks.target = figures.target
        and monitoring_checks.status <> 'pending'
      order by monitoring_checks.scheduled_at desc
      -- Those of an hour, the first and the last minute included.
      limit 61
    ) as recent
  ) as latest on true
  where figures.target = any(store_rounds.targets)
  order by figures.target
  on conflict (target) do update
    set
      counted_from = excluded.counted_from,
      counted_until = excluded.counted_until,
      up_seconds = excluded.up_seconds,
      known_seconds = excluded.known_seconds,
      is_counted = excluded.is_counted,
      last_round_at = excluded.last_round_at,
      is_maintenance = excluded.is_maintenance,
      stands_as = excluded.stands_as,
      stands_until = excluded.stands_until,
      p50_ms = excluded.p50_ms,
      p95_ms = excluded.p95_ms,
      response_times_ms = excluded.response_times_ms
$$;

comment on function monitoring.store_rounds(text[]) is
'Counts the rounds of these targets since target_figures.hours_until, none if that is more than 4 hours ago, and stores
them in monitoring.target_rounds.';

create function monitoring.store_target_figures()
returns bigint
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  v_targets constant text[] := array(select target_states.target from monitoring.target_states);
  v_figures monitoring.target_figures[];
begin
  if not monitoring.can_count_figures(cardinality(v_targets)) then
    return 0::bigint;
  end if;
  -- Takes seconds, so no judgement waits for it.
  v_figures := monitoring.count_figures(v_targets);
  perform pg_advisory_xact_lock(20261123, 1800);
  perform monitoring.store_figures(v_figures);
  perform monitoring.store_rounds(v_targets);
  return cardinality(v_figures)::bigint;
end
$$;

comment on function monitoring.store_target_figures() is
'Stores the figures of all targets for status pages, and returns the number of targets: 0 while many hours are not
summed up, see can_count_figures(). pg_cron runs it each hour, after the roll-up. Safe to repeat.';

create function monitoring.recount_targets(targets text[], oldest timestamptz[])
returns void
language plpgsql
volatile
strict
security invoker
set search_path = ''
as $$
declare
  v_targets text[];
  v_uncounted text[];
begin
  select
    array_agg(written.target),
    array_agg(written.target) filter (
      where figures.target is null
        -- The round is of an hour that was counted.
        or written.oldest < figures.hours_until
        -- The hourly job does not run: what is counted each round must stay little.
        or figures.hours_until < now() - interval '3 hours'
    )
  into v_targets, v_uncounted
  from unnest(recount_targets.targets, recount_targets.oldest) as written (target, oldest)
  join monitoring.target_states on target_states.target = written.target
  left join monitoring.target_figures as figures on figures.target = written.target;

  if v_uncounted is not null and monitoring.can_count_figures(cardinality(v_uncounted)) then
    perform monitoring.store_figures(monitoring.count_figures(v_uncounted));
  end if;
  if v_targets is not null then
    perform monitoring.store_rounds(v_targets);
  end if;
end
$$;

comment on function monitoring.recount_targets(text[], timestamptz[]) is
'Counts targets again of which checks were judged, the oldest of which is given: their latest rounds, and their hours if
the check is of an hour that was counted, or the target is new, unless the roll-up has to come first, see
can_count_figures().';

create function monitoring.follow_judged_rounds()
returns trigger
language plpgsql
volatile
security invoker
set search_path = ''
as $$
begin
  perform monitoring.recount_targets(array_agg(written.target), array_agg(written.oldest))
  from (
    select judged.target, min(judged.scheduled_at) as oldest
    from judged
    where judged.status <> 'pending'
    group by judged.target
  ) as written;
  return null;
end
$$;

comment on function monitoring.follow_judged_rounds() is 'Counts the targets again of which checks were inserted.';

create trigger inserted_rounds_are_counted
after insert on public.monitoring_checks
referencing new table as judged
for each statement
execute function monitoring.follow_judged_rounds();

create function monitoring.follow_changed_rounds()
returns trigger
language plpgsql
volatile
security invoker
set search_path = ''
as $$
begin
  perform monitoring.recount_targets(array_agg(written.target), array_agg(written.oldest))
  from (
    select judged.target, min(judged.scheduled_at) as oldest
    from judged
    join former on former.id = judged.id
    where judged.status <> 'pending'
      -- Not when texts are erased, or an incident is deleted.
      and (
        judged.target, judged.scheduled_at, judged.status, judged.is_maintenance, judged.interval_minutes,
        judged.response_time_ms
      ) is distinct from (
        former.target, former.scheduled_at, former.status, former.is_maintenance, former.interval_minutes,
        former.response_time_ms
      )
    group by judged.target
  ) as written;
  return null;
end
$$;

comment on function monitoring.follow_changed_rounds() is
'Counts the targets again of which the results of checks were changed.';

create trigger changed_rounds_are_counted
after update on public.monitoring_checks
referencing old table as former new table as judged
for each statement
execute function monitoring.follow_changed_rounds();
