-- Mean times to acknowledge and to resolve incidents, per week of the last 12 weeks. The time between a resolution and
-- a reopening does not count.
select
  incidents.severity,
  date_trunc('week', incidents.first_seen)::date as week,
  count(*) as opened,
  count(incidents.resolved_at) as resolved,
  date_trunc('second', avg(incidents.acknowledged_at - greatest(incidents.first_seen, incidents.reopened_at))) as mtta,
  date_trunc('second', avg(incidents.time_to_resolution)) as mttr
from public.incidents
where incidents.first_seen > now() - interval '12 weeks'
group by date_trunc('week', incidents.first_seen), incidents.severity
order by week desc, incidents.severity desc;
