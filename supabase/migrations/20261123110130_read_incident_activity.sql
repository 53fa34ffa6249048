-- Purpose: says how often an incident occurs: a sentence, and counts by hour for a sparkline.
-- Objects: function public.incident_activity.
-- Risks: security invoker: row-level security decides which hours the caller reads.

create function public.incident_activity(incident_id text)
returns jsonb
language plpgsql
stable
security invoker
set search_path = ''
set timezone = 'UTC'
as $$
declare
  v_now constant timestamptz := now();
  v_hour constant timestamptz := date_trunc('hour', v_now);
  v_day constant timestamptz := date_trunc('day', v_now);
  v_latest record;
  v_minutes double precision;
  v_pace double precision;
  v_since text;
  v_words text;
  v_is_over boolean;
  v_rate text;
begin
  -- The latest run of hours in a row that are about as busy as the last one: at least a quarter of its pace. A burst
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
          hours.hour,
          sum(hours.occurrences) as occurrences,
          min(hours.first_seen) as first_seen,
          max(hours.last_seen) as last_seen,
          -- A few occurrences have no pace: they count as those of the whole hour.
          sum(hours.occurrences) / case
            when sum(hours.occurrences) < 10 then 60
            else greatest(extract(epoch from max(hours.last_seen) - min(hours.first_seen)) / 60, 1)
          end as pace
        from public.incident_occurrences as hours
        where hours.incident_id = incident_activity.incident_id
          and hours.hour > v_hour - interval '7 days'
        group by hours.hour
      ) as timed
    ) as paced
  ) as run
  where run.breaks = 0;

  v_minutes := greatest(extract(epoch from v_latest.until - v_latest.since)::double precision / 60, 1);
  v_pace := v_latest.occurrences / v_minutes;
  v_since := to_char(v_latest.since, case when v_latest.since < v_day then 'YYYY-MM-DD ' else '' end || 'HH24:MI');
  v_words := case
    when v_latest.occurrences = 1 then 'once'
    when v_pace >= 1 then format('%s a minute', round(v_pace))
    when v_pace * 60 >= 1 then format('%s an hour', round(v_pace * 60))
    when v_pace > 0 then format('%s a day', round(v_pace * 1440))
  end;
  -- If it is silent for ten minutes and for more than three of its usual pauses.
  v_is_over := v_now - v_latest.until > greatest(interval '10 minutes', interval '3 minutes' / v_pace);
  v_rate := v_words || case
    when v_latest.occurrences = 1 then format(' at %s UTC', v_since)
    when v_is_over
      then format(
        ' from %s to %s UTC', v_since,
        to_char(
          v_latest.until,
          case when v_latest.since::date < v_latest.until::date then 'YYYY-MM-DD ' else '' end || 'HH24:MI'
        )
      )
    else format(' since %s UTC', v_since)
  end;
  return jsonb_build_object(
    'rate', v_rate,
    'pace', v_words,
    'is_over', v_is_over,
    'since', v_latest.since,
    'until', v_latest.until,
    'hours', (
      select jsonb_agg(counted.occurrences order by counted.hour)
      from (
        select slots.hour, coalesce(sum(hours.occurrences), 0) as occurrences
        from generate_series(v_hour - interval '23 hours', v_hour, interval '1 hour') as slots (hour)
        left join public.incident_occurrences as hours
          on hours.hour = slots.hour and hours.incident_id = incident_activity.incident_id
        group by slots.hour
      ) as counted
    )
  );
end
$$;

revoke all on function public.incident_activity(text) from public, anon, authenticated, service_role;

grant execute on function public.incident_activity(text) to authenticated, service_role;

comment on function public.incident_activity(text) is
'Returns how often an incident occurs: a sentence, and the counts of 24 hours.

Returns {"rate", "pace", "since", "until", "is_over", "hours"}. rate is a sentence such as 12 a minute since 14:02 UTC,
about the latest run of busy hours, which lasted from since until until; null when nothing was counted in the last 7
days. pace are its words without the times, and is_over says that the run has ended. hours are 24 counts, oldest first;
the last is that of the current hour, in UTC. The view incident_occurrences has the counts by environment and release.
An unknown incident has no occurrences.';
