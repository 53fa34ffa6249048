-- Purpose: decides whether a target is in a maintenance window at a given time.
-- Objects: function monitoring.is_in_maintenance.
-- Risks: the times of a window are in the window's own timezone, with daylight saving time.

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
