-- The 20 incidents of the last 7 days with the most occurrences, with their known fixes.
select
  incidents.id,
  incidents.severity,
  incidents.status,
  incidents.occurrence_count,
  incidents.title,
  incidents.source,
  error_knowledge.solution as known_fix,
  error_knowledge.is_approved as is_fix_approved
from public.incidents
left join public.error_knowledge on incidents.knowledge_id = error_knowledge.id
where incidents.last_seen > now() - interval '7 days'
order by incidents.occurrence_count desc
limit 20;
