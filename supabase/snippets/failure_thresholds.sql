-- Number of outages per target in the last 30 days, if an outage began after 1, 2, 3 or 5 consecutive failed rounds.
with runs as (
  select
    monitoring_checks.target,
    monitoring_checks.status,
    row_number() over (partition by monitoring_checks.target order by monitoring_checks.scheduled_at)
    - row_number() over (
      partition by monitoring_checks.target, monitoring_checks.status
      order by monitoring_checks.scheduled_at
    ) as run
  from public.monitoring_checks
  where
    monitoring_checks.scheduled_at > now() - interval '30 days'
    and monitoring_checks.status in ('up', 'degraded', 'down')
    and not monitoring_checks.is_maintenance
),

outages as (
  select
    runs.target,
    count(*) as rounds
  from runs
  where runs.status = 'down'
  group by runs.target, runs.run
)

select
  outages.target,
  count(*) filter (where outages.rounds >= 1) as after_1,
  count(*) filter (where outages.rounds >= 2) as after_2,
  count(*) filter (where outages.rounds >= 3) as after_3,
  count(*) filter (where outages.rounds >= 5) as after_5,
  max(outages.rounds) as longest
from outages
group by outages.target
order by after_1 desc;
