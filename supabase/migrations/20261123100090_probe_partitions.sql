-- Purpose: makes the weekly partitions of monitoring_checks ahead, and drops those that are older than the retention.
-- Objects: functions monitoring.list_check_partitions, monitoring.find_missing_partitions,
--   monitoring.has_unplaced_checks, monitoring.make_partition, monitoring.make_partitions,
--   monitoring.find_check_horizon, monitoring.drop_old_partitions, monitoring.watch_partitions.
-- Risks: a partition is attached and dropped under locks that readers and judgements wait for. Both functions take the
--   advisory lock of rounds first, wait two seconds for the others, and leave the rest to their next run.

create function monitoring.list_check_partitions()
returns table (name text, since timestamptz, until timestamptz)
language sql
stable
security invoker
set search_path = ''
as $$
  select
    weeks.name,
    weeks.monday at time zone 'UTC',
    (weeks.monday + interval '7 days') at time zone 'UTC'
  from (
    select
      pg_class.relname::text as name,
      to_date(substring(pg_class.relname from '[0-9]{4}w[0-9]{2}$'), 'IYYY"w"IW')::timestamp as monday
    from pg_catalog.pg_inherits
    join pg_catalog.pg_class on pg_class.oid = pg_inherits.inhrelid
    where pg_inherits.inhparent = 'public.monitoring_checks'::regclass
      and pg_class.relname ~ '^monitoring_checks_[0-9]{4}w[0-9]{2}$'
  ) as weeks
$$;

comment on function monitoring.list_check_partitions() is
'Returns the partitions of monitoring_checks, each for a week of ISO 8601 in UTC, without the default partition. until
is not part of the week.';

create function monitoring.find_check_horizon()
returns timestamptz
language sql
stable
security invoker
set search_path = ''
as $$
  select least(
    now() - make_interval(days => (monitoring.config('retention') ->> 'monitoring_checks_days')::integer),
    max(target_hourly_stats.hour) - interval '24 hours'
  )
  from monitoring.target_hourly_stats
  having max(target_hourly_stats.hour) is not null
$$;

comment on function monitoring.find_check_horizon() is
'Returns the time before which checks are not needed: they are older than the retention, and the hours in which they
stand, a day at most, are summed up. Null before the first roll-up.';

create function monitoring.find_missing_partitions()
returns setof timestamptz
language sql
stable
security invoker
set search_path = ''
as $$
  select weeks.since
  from (
    select generate_series(
      date_trunc('week', now(), 'UTC'), date_trunc('week', now(), 'UTC') + interval '4 weeks', interval '7 days'
    )
    union
    select date_trunc('week', unplaced.scheduled_at, 'UTC')
    from monitoring.monitoring_checks_default as unplaced
    where unplaced.scheduled_at
      >= now() - make_interval(days => (monitoring.config('retention') ->> 'monitoring_checks_days')::integer)
      and unplaced.scheduled_at < now() + interval '5 weeks'
  ) as weeks (since)
  where weeks.since not in (select partitions.since from monitoring.list_check_partitions() as partitions)
  order by weeks.since
$$;

comment on function monitoring.find_missing_partitions() is
'Returns the weeks that need a partition of monitoring_checks and have none: this one, four ahead, and those of rows in
the default partition that are not older than the retention.';

create function monitoring.has_unplaced_checks(since timestamptz, most bigint)
returns boolean
language sql
stable
strict
security invoker
set search_path = ''
as $$
  select exists (
    select
    from monitoring.monitoring_checks_default as unplaced
    where unplaced.scheduled_at >= has_unplaced_checks.since
      and unplaced.scheduled_at < (has_unplaced_checks.since at time zone 'UTC' + interval '7 days') at time zone 'UTC'
    offset has_unplaced_checks.most
  )
$$;

comment on function monitoring.has_unplaced_checks(timestamptz, bigint) is
'Returns whether the default partition has more than most checks of the week that begins at since.';

create function monitoring.make_partition(since timestamptz)
returns text
language plpgsql
volatile
strict
security invoker
set search_path = ''
as $$
declare
  v_name constant text := to_char(make_partition.since at time zone 'UTC', '"monitoring_checks_"IYYY"w"IW');
  v_until constant timestamptz := (make_partition.since at time zone 'UTC' + interval '7 days') at time zone 'UTC';
begin
  -- Its foreign key locks incidents too: first, as everywhere, because who deletes or erases incidents changes their
  -- checks next. Not while many rows are moved, which must not keep reports waiting.
  if not monitoring.has_unplaced_checks(make_partition.since, 1000) then
    lock table public.incidents in share row exclusive mode;
  end if;
  lock table monitoring.monitoring_checks_default in access exclusive mode;
  execute format(
    'create table monitoring.%I ('
    '  like public.monitoring_checks including defaults including constraints including comments'
    ')',
    v_name
  );
  execute format('alter table monitoring.%I enable row level security', v_name);
  execute format(
    'create policy %I on monitoring.%I for select to authenticated using (false)', v_name || '_is_read_by_nobody', v_name
  );
  execute format('revoke all on table monitoring.%I from public, anon, authenticated, service_role', v_name);
  execute format(
    'comment on table monitoring.%I is %L', v_name,
    format('Checks of the week of %s.', to_char(make_partition.since at time zone 'UTC', 'YYYY-MM-DD'))
  );
  execute format(
    'with moved as ('
    '  delete from monitoring.monitoring_checks_default where scheduled_at >= $1 and scheduled_at < $2 returning *'
    ') insert into monitoring.%I select * from moved',
    v_name
  )
  using make_partition.since, v_until;
  execute format(
    'alter table public.monitoring_checks attach partition monitoring.%I for values from (%L) to (%L)',
    v_name, make_partition.since, v_until
  );
  return v_name;
end
$$;

comment on function monitoring.make_partition(timestamptz) is
'Makes the partition of monitoring_checks for the week that begins at since, moves its rows out of the default
partition, and returns its name.';

create function monitoring.make_partitions(most_rows bigint default 3000000)
returns text[]
language plpgsql
volatile
strict
security invoker
set search_path = ''
set lock_timeout = '2s'
as $$
declare
  v_week timestamptz;
  v_made text[] := '{}'::text[];
begin
  -- The latest first: those have no rows to be moved.
  for v_week in
    select missing.since
    from monitoring.find_missing_partitions() as missing (since)
    order by missing.since desc
  loop
    -- Many rows are moved alone, without the lock on incidents that another partition has taken until commit.
    exit when v_made <> '{}' and monitoring.has_unplaced_checks(v_week, 1000);
    if monitoring.has_unplaced_checks(v_week, make_partitions.most_rows) then
      raise notice 'no partition was made for %: it has more than % checks', v_week, make_partitions.most_rows;
      continue;
    end if;
    begin
      perform pg_advisory_xact_lock(20261123, 1800);
      v_made := v_made || monitoring.make_partition(v_week);
    exception
      when lock_not_available or deadlock_detected then
        raise notice 'no partition was made for %: the table is in use', v_week;
        exit;
    end;
  end loop;
  return v_made;
end
$$;

comment on function monitoring.make_partitions(bigint) is
'Makes the partitions of monitoring_checks that are missing, and returns their names. It waits two seconds for a lock,
and leaves what it cannot make to the next run. A week of which the default partition has more than most_rows checks is
left there, because to move them would last longer than a statement may: a million takes 10 seconds. Call it with more
to move them in a session without statement_timeout. pg_cron runs it each day. Safe to repeat.';

create function monitoring.drop_old_partitions()
returns bigint
language plpgsql
volatile
security invoker
set search_path = ''
set lock_timeout = '2s'
as $$
declare
  c_batch constant integer := 10000;
  v_horizon constant timestamptz := monitoring.find_check_horizon();
  v_partition record;
  v_purged bigint;
begin
  with old as (
    select unplaced.ctid
    from monitoring.monitoring_checks_default as unplaced
    where unplaced.scheduled_at < v_horizon
    order by unplaced.scheduled_at
    limit c_batch
    for update skip locked
  )

  delete from monitoring.monitoring_checks_default as unplaced
  using old
  where unplaced.ctid = old.ctid;
  get diagnostics v_purged = row_count;

  for v_partition in
    select partitions.name
    from monitoring.list_check_partitions() as partitions
    where partitions.until <= v_horizon
    order by partitions.since
  loop
    begin
      perform pg_advisory_xact_lock(20261123, 1800);
      execute format('drop table monitoring.%I', v_partition.name);
      v_purged := v_purged + 1;
    exception
      when lock_not_available then
        raise notice 'the partition % was not dropped: it is in use', v_partition.name;
        exit;
    end;
  end loop;
  if v_purged > 0 then
    -- Counted again, an hour would lose what is purged.
    update monitoring.target_hourly_stats
    set is_final = true
    where target_hourly_stats.hour < v_horizon + interval '24 hours'
      and not target_hourly_stats.is_final;
  end if;
  return v_purged;
end
$$;

comment on function monitoring.drop_old_partitions() is
'Drops the partitions of monitoring_checks whose whole week is older than the retention and summed up by hour, and
deletes up to 10,000 such rows of the default partition. Returns the number of both together: 0 when nothing is left to
do, or when the table is in use for two seconds.';

create function monitoring.watch_partitions()
returns text
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  v_until constant timestamptz := (
    select max(partitions.until)
    from monitoring.list_check_partitions() as partitions
  );
begin
  if v_until >= now() + interval '7 days'
    -- What is older was imported, or written while the clock was wrong: the job moves it.
    and not exists (
      select
      from monitoring.monitoring_checks_default as unplaced
      where unplaced.scheduled_at > now() - interval '1 day'
    )
  then
    perform monitoring.resolve_incidents(
      array['health-check:partitions'], 'health-check', 'health-check', 'The partitions exist again.'
    );
    return 'quiet';
  elsif exists (
    select
    from public.incidents
    where incidents.fingerprint = 'health-check:partitions'
      and incidents.status <> 'resolved'
  ) then
    return 'missing';
  end if;
  perform monitoring.open_job_incident(
    'health-check:partitions',
    'A partition of monitoring_checks is missing',
    format(
      'The partitions of monitoring_checks end at %s. Checks are stored all the same, in its default partition, where '
      'they are slower to read and to purge. Run select monitoring.make_partitions(); in the SQL editor to make what is '
      'missing and move them, and select monitoring.install(); if the job monitoring-make-partitions is missing.',
      coalesce(to_char(v_until at time zone 'UTC', 'YYYY-MM-DD "UTC"'), 'no time')
    )
  );
  return 'opened';
end
$$;

comment on function monitoring.watch_partitions() is
'Opens an incident when the last partition of monitoring_checks ends in less than 7 days, or checks of the last day have
no partition, and resolves it otherwise. Returns opened, missing or quiet.';
