-- Purpose: says how often an incident occurs: a sentence, and counts by hour for a sparkline.
-- Objects: functions public.describe_rate, public.incident_activity.
-- Risks: security invoker: row-level security decides which hours the caller reads.

create function public.describe_rate(occurrences bigint, since timestamptz, until timestamptz)
returns text
language plpgsql
stable
strict
security invoker
set search_path = ''
set timezone = 'UTC'
as $$
declare
  v_minutes double precision := greatest(extract(epoch from until - since) / 60, 1);
  v_pace double precision := occurrences / v_minutes;
  v_unit text := case when v_pace >= 1 then 'minute' when v_pace * 60 >= 1 then 'hour' else 'day' end;
  v_today timestamptz := date_trunc('day', clock_timestamp());
  v_since text := to_char(since, case when since < v_today then 'YYYY-MM-DD ' else '' end || 'HH24:MI');
  v_until text := to_char(
    until, case when date_trunc('day', since) < date_trunc('day', until) then 'YYYY-MM-DD ' else '' end || 'HH24:MI'
  );
begin
  if occurrences = 1 then
    return format('once at %s UTC', v_since);
  end if;
  v_pace := v_pace * case v_unit when 'minute' then 1 when 'hour' then 60 else 1440 end;
  return format(
    '%s %s %s %s UTC',
    round(v_pace),
    case v_unit when 'hour' then 'an hour' else 'a ' || v_unit end,
    -- Over, if silent for ten minutes and for more than three of its usual pauses.
    case
      when clock_timestamp() - until > greatest(interval '10 minutes', interval '3 minutes' * (v_minutes / occurrences))
        then format('from %s to', v_since)
      else 'since'
    end,
    case
      when clock_timestamp() - until > greatest(interval '10 minutes', interval '3 minutes' * (v_minutes / occurrences))
        then v_until
      else v_since
    end
  );
end
$$;

revoke all on function public.describe_rate(bigint, timestamptz, timestamptz)
from public, anon, authenticated, service_role;

grant execute on function public.describe_rate(bigint, timestamptz, timestamptz) to authenticated, service_role;

comment on function public.describe_rate(bigint, timestamptz, timestamptz) is
'Returns a sentence about how often something occurred, such as 12 a minute since 14:02 UTC.

occurrences is the number from since until until. When the last one was a while ago, the sentence says from when to when.
incident_activity() calls it. Times are in UTC, with the date unless it is today.';

create function public.incident_activity(incident_id text)
returns jsonb
language plpgsql
stable
security invoker
set search_path = ''
set timezone = 'UTC'
as $$
declare
  c_hours constant integer := 24;
  v_hour timestamptz := date_trunc('hour', clock_timestamp());
  v_hours bigint[];
  v_latest record;
begin
  v_hours := array(
    select coalesce(sum(incident_hours.occurrences), 0)::bigint
    from generate_series(v_hour - make_interval(hours => c_hours - 1), v_hour, interval '1 hour') as slots (hour)
    left join public.incident_hours
      on incident_hours.incident_id = incident_activity.incident_id
      and incident_hours.hour = slots.hour
    group by slots.hour
    order by slots.hour
  );
  -- The latest run of hours in a row that are about as busy as the last one: at least a quarter of its rate. A burst
  -- after a quiet night begins with itself.
  select sum(run.occurrences)::bigint as occurrences, min(run.first_seen) as since, max(run.last_seen) as until
  into v_latest
  from (
    select
      paced.*,
      count(*) filter (where paced.hour_after - paced.hour > interval '1 hour' or paced.pace < paced.latest_pace / 4)
        over (order by paced.hour desc) as breaks
    from (
      select
        timed.*,
        lag(timed.hour) over (order by timed.hour desc) as hour_after,
        first_value(timed.pace) over (order by timed.hour desc) as latest_pace
      from (
        select
          incident_hours.hour,
          sum(incident_hours.occurrences) as occurrences,
          min(incident_hours.first_seen) as first_seen,
          max(incident_hours.last_seen) as last_seen,
          -- A few occurrences have no pace: they count as those of the whole hour.
          sum(incident_hours.occurrences) / case
            when sum(incident_hours.occurrences) < 10 then 60
            else greatest(
              extract(epoch from max(incident_hours.last_seen) - min(incident_hours.first_seen)) / 60, 1
            )
          end as pace
        from public.incident_hours
        where incident_hours.incident_id = incident_activity.incident_id
          and incident_hours.hour > v_hour - interval '7 days'
        group by incident_hours.hour
      ) as timed
    ) as paced
  ) as run
  where run.breaks = 0;

  return jsonb_build_object(
    'rate', public.describe_rate(v_latest.occurrences, v_latest.since, v_latest.until),
    'since', v_latest.since,
    'until', v_latest.until,
    'hours', to_jsonb(v_hours)
  );
end
$$;

revoke all on function public.incident_activity(text) from public, anon, authenticated, service_role;

grant execute on function public.incident_activity(text) to authenticated, service_role;

comment on function public.incident_activity(text) is
'Returns how often an incident occurs: a sentence, and the counts of 24 hours.

Returns {"rate", "since", "until", "hours"}. rate is a sentence such as 12 a minute since 14:02 UTC, about the latest run
of busy hours, which lasted from since until until; null when nothing was counted in the last 7 days. hours are 24 counts,
oldest first; the last is that of the current hour, in UTC. The view incident_hours has the counts by environment and
release. An unknown incident has no occurrences.';
