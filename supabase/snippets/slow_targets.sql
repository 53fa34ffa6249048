-- Response times and failures per target in the last 7 days, slowest target first.
select
  target_history.target,
  max(target_history.p95_ms) as worst_hours_p95_ms,
  round(avg(target_history.p50_ms)) as usual_ms,
  max(target_history.max_ms) as longest_ms,
  sum(target_history.down) as down,
  sum(target_history.degraded) as degraded,
  sum(target_history.checks) as checks
from public.target_history
where target_history.hour > now() - interval '7 days'
group by target_history.target
order by worst_hours_p95_ms desc nulls last
limit 20;
