-- Purpose: decides whether a target is in a maintenance window at a given time, and lists the windows of a time.
-- Objects: functions monitoring.is_in_maintenance, monitoring.expand_local_time, monitoring.list_maintenance.
-- Risks: the times of a window are in the window's own timezone, with daylight saving time. Both functions must agree
--   on each moment: a test compares them when clocks change.

create function monitoring.is_in_maintenance(target text, moment timestamptz)
returns boolean
language sql
stable
strict
security invoker
set search_path = ''
as $$
  select exists (
    select
    from jsonb_array_elements(monitoring.config('health_check_policy') -> 'maintenance_windows') as windows (item)
    cross join lateral (
      select
        zone.timezone,
        is_in_maintenance.moment at time zone zone.timezone as time_there
      from (select coalesce(windows.item ->> 'timezone', 'UTC') as timezone) as zone
    ) as clock
    cross join lateral (
      select
        lower(to_char(clock.time_there, 'Dy')) as today,
        lower(to_char(clock.time_there - interval '1 day', 'Dy')) as yesterday,
        (windows.item ->> 'from')::time as starts,
        (windows.item ->> 'to')::time as ends
    ) as week
    where coalesce((windows.item -> 'targets') ? is_in_maintenance.target, true)
      and case
        when windows.item ->> 'starts_at' is not null
          then is_in_maintenance.moment >= (windows.item ->> 'starts_at')::timestamp at time zone clock.timezone
            and is_in_maintenance.moment < (windows.item ->> 'ends_at')::timestamp at time zone clock.timezone
        when week.starts < week.ends
          then windows.item -> 'days' ? week.today
            and clock.time_there::time >= week.starts
            and clock.time_there::time < week.ends
        else (windows.item -> 'days' ? week.today and clock.time_there::time >= week.starts)
          or (windows.item -> 'days' ? week.yesterday and clock.time_there::time < week.ends)
      end
  )
$$;

comment on function monitoring.is_in_maintenance(text, timestamptz) is
'Returns whether a target is in a maintenance window of health_check_policy at a time. A weekly window whose end is
not later than its start ends on the next day.';

create function monitoring.expand_local_time(starts timestamp, ends timestamp, timezone text)
returns tstzmultirange
language plpgsql
stable
strict
parallel safe
security invoker
set search_path = ''
as $$
declare
  -- A day before and after in any timezone.
  v_before timestamptz := (expand_local_time.starts - interval '36 hours') at time zone 'UTC';
  v_after timestamptz := (expand_local_time.ends + interval '36 hours') at time zone 'UTC';
  v_offsets interval[] := array[
    (v_before at time zone expand_local_time.timezone) - (v_before at time zone 'UTC'),
    (v_after at time zone expand_local_time.timezone) - (v_after at time zone 'UTC')
  ];
begin
  if v_offsets[1] = v_offsets[2] then
    return tstzmultirange(
      tstzrange(
        (expand_local_time.starts - v_offsets[1]) at time zone 'UTC',
        (expand_local_time.ends - v_offsets[1]) at time zone 'UTC'
      )
    );
  end if;
  -- The clocks change: local times are left out, or come twice.
  return (
    with moments as (
      select series.moment, series.moment at time zone expand_local_time.timezone as local_time
      -- Clocks change at whole quarters of an hour.
      from generate_series(v_before, v_after, interval '15 minutes') as series (moment)
    ),

    bounds as (
      select (given.local_time - offsets.difference) at time zone 'UTC' as moment
      from unnest(array[expand_local_time.starts, expand_local_time.ends]) as given (local_time)
      cross join unnest(v_offsets) as offsets (difference)
      union
      select following.moment
      from moments
      join moments as following on following.moment = moments.moment + interval '15 minutes'
      where following.local_time <> moments.local_time + interval '15 minutes'
    ),

    spans as (
      select
        bounds.moment,
        lead(bounds.moment) over (order by bounds.moment) as until,
        bounds.moment at time zone expand_local_time.timezone as local_time
      from bounds
    )

    select coalesce(range_agg(tstzrange(spans.moment, spans.until)), '{}')
    from spans
    where spans.until is not null
      and spans.local_time >= expand_local_time.starts
      and spans.local_time < expand_local_time.ends
  );
end
$$;

comment on function monitoring.expand_local_time(timestamp, timestamp, text) is
'Returns when the clocks of a timezone show a time from starts until before ends: one range on most days, two if the
clocks are set back within it, and none if daylight saving time leaves it out.';

create function monitoring.list_maintenance(since timestamptz, until timestamptz)
returns table (place integer, starts_at timestamptz, ends_at timestamptz, targets text[], reason text, is_mute boolean)
language sql
stable
strict
security invoker
set search_path = ''
as $$
  with given as (
    select
      windows.position::integer as place,
      windows.item,
      coalesce(windows.item ->> 'timezone', 'UTC') as timezone
    from jsonb_array_elements(
      monitoring.config('health_check_policy') -> 'maintenance_windows'
    ) with ordinality as windows (item, position)
  ),

  occurrences as (
    select
      given.*,
      -- A start that the clocks leave out can be later than the end.
      tstzmultirange(tstzrange(bounds.starts_at, greatest(bounds.starts_at, bounds.ends_at))) as spans
    from given
    cross join lateral (
      select
        (given.item ->> 'starts_at')::timestamp at time zone given.timezone as starts_at,
        (given.item ->> 'ends_at')::timestamp at time zone given.timezone as ends_at
    ) as bounds
    where given.item ->> 'starts_at' is not null
    union all
    select
      given.*,
      monitoring.expand_local_time(
        calendar.day + (given.item ->> 'from')::time,
        calendar.day + (given.item ->> 'to')::time
        + case when (given.item ->> 'to')::time <= (given.item ->> 'from')::time then interval '1 day' else interval '0' end,
        given.timezone
      )
    from given
    cross join generate_series(
      -- One that began the day before may last until now.
      date_trunc('day', list_maintenance.since at time zone given.timezone) - interval '1 day',
      list_maintenance.until at time zone given.timezone,
      interval '1 day'
    ) as calendar (day)
    where given.item ->> 'starts_at' is null
      and given.item -> 'days' ? lower(to_char(calendar.day, 'Dy'))
  )

  select
    occurrences.place,
    lower(span),
    upper(span),
    case
      when occurrences.item ? 'targets'
        then array(select names.name from jsonb_array_elements_text(occurrences.item -> 'targets') as names (name))
    end,
    occurrences.item ->> 'reason',
    occurrences.item ? 'muted_by'
  from occurrences
  cross join unnest(occurrences.spans) as span
  where lower(span) < list_maintenance.until
    and upper(span) > list_maintenance.since
$$;

comment on function monitoring.list_maintenance(timestamptz, timestamptz) is
'Returns the maintenance windows of health_check_policy that are in a time, each of a weekly one: when they start and
end, their targets (null for all) and whether mute_target() made them. place is that of the window in the list, from 1.';
