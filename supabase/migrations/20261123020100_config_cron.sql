-- Purpose: reads cron expressions and finds their next time in a timezone, for targets of type heartbeat.
-- Objects: functions monitoring.read_cron_field, monitoring.split_cron, monitoring.parse_cron,
--   monitoring.first_instant, monitoring.next_cron_time, monitoring.find_cron_problem.
-- Risks: an expression is evaluated in at most some hundred steps: a step skips a month, a day, an hour or the minutes
--   until the next one that matches.

create function monitoring.read_cron_field(field text, minimum integer, maximum integer, words text[])
returns integer[]
language plpgsql
immutable
strict
parallel safe
security invoker
set search_path = ''
as $$
declare
  v_item text;
  v_parts text[];
  v_first integer;
  v_last integer;
  v_step integer;
  v_has_sunday_twice boolean := read_cron_field.words[1] = 'sun';
  v_numbers integer[] := '{}'::integer[];
begin
  foreach v_item in array string_to_array(read_cron_field.field, ',') loop
    v_parts := regexp_match(v_item, '^(\*|[0-9]{1,2}|[a-z]{3})(?:-([0-9]{1,2}|[a-z]{3}))?(?:/([0-9]{1,2}))?$');
    if v_parts is null or (v_parts[1] = '*' and v_parts[2] is not null) then
      return null;
    end if;
    v_step := coalesce(v_parts[3], '1')::integer;
    v_first := case
      when v_parts[1] = '*' then read_cron_field.minimum
      when v_parts[1] ~ '^[0-9]' then v_parts[1]::integer
      else array_position(read_cron_field.words, v_parts[1]) + read_cron_field.minimum - 1
    end;
    v_last := case
      when v_parts[2] = 'sun' and v_has_sunday_twice then 7
      when v_parts[2] ~ '^[0-9]' then v_parts[2]::integer
      when v_parts[2] is not null then array_position(read_cron_field.words, v_parts[2]) + read_cron_field.minimum - 1
      when v_parts[1] = '*' or v_parts[3] is not null then read_cron_field.maximum
      else v_first
    end;
    if v_first is null or v_last is null or v_step = 0 or v_first > v_last or v_first < read_cron_field.minimum
      or v_last > read_cron_field.maximum + coalesce(v_has_sunday_twice, false)::integer
    then
      return null;
    end if;
    v_numbers := v_numbers || array(select generate_series(v_first, v_last, v_step));
  end loop;
  return array(
    select distinct case when numbers.number = 7 and v_has_sunday_twice then 0 else numbers.number end as number
    from unnest(v_numbers) as numbers (number)
    order by number
  );
end
$$;

comment on function monitoring.read_cron_field(text, integer, integer, text[]) is
'Returns the numbers that a field of a cron expression names, in ascending order, or null when it is invalid. words are
the names of the numbers from minimum on. A list has items such as *, */5, 10, 10-20, 10-20/5 or mon-fri; 10/5 means
from 10 to the maximum. In the field of weekdays, 7 is Sunday too.';

create function monitoring.split_cron(cron text)
returns text[]
language sql
immutable
strict
parallel safe
security invoker
set search_path = ''
as $$
  select regexp_split_to_array(
    case written.cron
      when '@yearly' then '0 0 1 1 *'
      when '@annually' then '0 0 1 1 *'
      when '@monthly' then '0 0 1 * *'
      when '@weekly' then '0 0 * * 0'
      when '@daily' then '0 0 * * *'
      when '@midnight' then '0 0 * * *'
      when '@hourly' then '0 * * * *'
      else written.cron
    end,
    '\s+'
  )
  from (select lower(btrim(split_cron.cron, e' \t')) as cron) as written
$$;

comment on function monitoring.split_cron(text) is
'Returns the fields of a cron expression in lower case: five, unless it is invalid. @hourly, @daily, @midnight, @weekly,
@monthly, @yearly and @annually have the fields that they stand for.';

create function monitoring.parse_cron(
  cron text,
  out minutes integer[],
  out hours integer[],
  out days integer[],
  out months integer[],
  out weekdays integer[],
  out any_day_counts boolean
)
language sql
immutable
strict
parallel safe
security invoker
set search_path = ''
as $$
  select
    monitoring.read_cron_field(split.fields[1], 0, 59, '{}'),
    monitoring.read_cron_field(split.fields[2], 0, 23, '{}'),
    monitoring.read_cron_field(split.fields[3], 1, 31, '{}'),
    monitoring.read_cron_field(split.fields[4], 1, 12, '{jan,feb,mar,apr,may,jun,jul,aug,sep,oct,nov,dec}'),
    monitoring.read_cron_field(split.fields[5], 0, 6, '{sun,mon,tue,wed,thu,fri,sat}'),
    split.fields[3] not like '*%' and split.fields[5] not like '*%'
  from (select monitoring.split_cron(parse_cron.cron) as fields) as split
$$;

comment on function monitoring.parse_cron(text) is
'Returns the numbers that each field of a cron expression names, null for a field that cannot be read. Weekdays are 0
(Sunday) to 6. any_day_counts is true when both day fields are restricted: then a day needs to match one of them only.';

create function monitoring.first_instant(local_time timestamp, timezone text)
returns timestamptz
language sql
stable
strict
parallel safe
security invoker
set search_path = ''
as $$
  select coalesce(
    min(moments.moment) filter (
      where moments.moment at time zone first_instant.timezone = first_instant.local_time
    ),
    first_instant.local_time at time zone first_instant.timezone
  )
  from unnest(
    array[
      interval '0', interval '-30 minutes', interval '-1 hour', interval '-2 hours', interval '30 minutes',
      interval '1 hour', interval '2 hours'
    ]
  ) as shifts (shift)
  cross join lateral (
    select (first_instant.local_time at time zone first_instant.timezone) + shifts.shift as moment
  ) as moments
$$;

comment on function monitoring.first_instant(timestamp, text) is
'Returns when a clock in a timezone first shows a time. In autumn it shows an hour twice. A time that the clock skips in
spring becomes one after the gap.';

create function monitoring.next_cron_time(cron text, timezone text, after timestamptz)
returns timestamptz
language plpgsql
stable
strict
parallel safe
security invoker
set search_path = ''
as $$
declare
  v_cron record := monitoring.parse_cron(next_cron_time.cron);
  v_moment timestamptz := date_trunc('minute', next_cron_time.after) + interval '1 minute';
  v_local timestamp;
  v_minute integer;
  v_is_day boolean;
  v_is_weekday boolean;
begin
  while v_moment < next_cron_time.after + interval '9 years' loop
    v_local := v_moment at time zone next_cron_time.timezone;
    v_minute := extract(minute from v_local)::integer;
    v_is_day := extract(day from v_local)::integer = any(v_cron.days);
    v_is_weekday := extract(dow from v_local)::integer = any(v_cron.weekdays);
    if extract(month from v_local)::integer <> all(v_cron.months) then
      v_moment := greatest(
        monitoring.first_instant(date_trunc('month', v_local) + interval '1 month', next_cron_time.timezone),
        v_moment + interval '1 minute'
      );
    elsif not (v_is_day or v_is_weekday) or (v_is_day <> v_is_weekday and not v_cron.any_day_counts) then
      v_moment := greatest(
        monitoring.first_instant(date_trunc('day', v_local) + interval '1 day', next_cron_time.timezone),
        v_moment + interval '1 minute'
      );
    elsif extract(hour from v_local)::integer <> all(v_cron.hours)
      -- The hour comes a second time, and only schedules of every hour run in both.
      or (
        cardinality(v_cron.hours) < 24
        and monitoring.first_instant(v_local, next_cron_time.timezone) < v_moment
      )
    then
      v_moment := v_moment + make_interval(mins => 60 - v_minute);
    elsif v_minute <> all(v_cron.minutes) then
      v_moment := v_moment + make_interval(
        mins => coalesce(
          (select min(minutes.minute) from unnest(v_cron.minutes) as minutes (minute) where minutes.minute > v_minute),
          60
        ) - v_minute
      );
    else
      return v_moment;
    end if;
  end loop;
  return null;
end
$$;

comment on function monitoring.next_cron_time(text, text, timestamptz) is
'Returns the first time after a moment at which a clock in the timezone shows what a cron expression says; null when
there is none within 9 years. A time that the clock skips in spring does not occur on that day. In the hour that
comes twice in autumn, a schedule of every hour occurs in both, any other in the first.';

create function monitoring.find_cron_problem(cron text)
returns text
language sql
stable
strict
security invoker
set search_path = ''
as $$
  select case
    when cardinality(monitoring.split_cron(find_cron_problem.cron)) <> 5
      then 'must have five fields (minute, hour, day of month, month, weekday), such as 0 2 * * *, or be @hourly,'
        || ' @daily, @weekly, @monthly or @yearly'
    when schedule.minutes is null then 'has an invalid minute: write numbers from 0 to 59, such as 0,30 or */15'
    when schedule.hours is null then 'has an invalid hour: write numbers from 0 to 23, such as 2 or 8-18'
    when schedule.days is null then 'has an invalid day of the month: write numbers from 1 to 31, such as 1 or 1,15'
    when schedule.months is null then 'has an invalid month: write numbers from 1 to 12, or jan to dec, such as 1-6'
    when schedule.weekdays is null
      then 'has an invalid weekday: write numbers from 0 (Sunday) to 7, or sun to sat, such as mon-fri'
    when monitoring.next_cron_time(find_cron_problem.cron, 'UTC', clock_timestamp()) is null
      then 'names a day that does not occur within the next nine years'
  end
  from monitoring.parse_cron(find_cron_problem.cron) as schedule
$$;

comment on function monitoring.find_cron_problem(text) is
'Returns what is wrong with a cron expression, as the end of a sentence, or null when it is valid.';
