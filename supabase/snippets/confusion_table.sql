-- What today's rules decide about the incidents of the last 90 days whose severity or category a person set. Rows: what
-- the person set; columns: how many of these incidents get which severity or category from the rules.
-- A severity counts after set_incident_severity(), also if that confirmed it, and a category after an edit in the
-- dashboard. explain_classification() shows the words that decided about an example; the snippet rule_precision has the
-- same incidents by rule, and says what to do.
with edited as (
  select distinct
    agent_actions.incident_id,
    agent_actions.details #>> '{changes,category,to}' as category
  from public.agent_actions
  where
    agent_actions.action = 'direct_update'
    and agent_actions.details #> '{changes,category}' is not null
),

decided as (
  select
    incidents.id,
    incidents.severity,
    incidents.category,
    verdict.severity as decided_severity,
    verdict.category as decided_category,
    incidents.has_manual_severity,
    edited.category is not null as has_manual_category
  from public.incidents
  left join edited on incidents.id = edited.incident_id and incidents.category::text = edited.category
  cross join lateral monitoring.classify_incident(incidents) as verdict
  where
    incidents.last_seen > now() - interval '90 days'
    and (incidents.has_manual_severity or edited.category is not null)
),

judged as (
  select
    decided.id,
    'severity' as value_of,
    decided.severity::text as set_by_hand,
    decided.decided_severity::text as decided
  from decided
  where decided.has_manual_severity
  union all
  select
    decided.id,
    'category' as value_of,
    decided.category::text as set_by_hand,
    decided.decided_category::text as decided
  from decided
  where decided.has_manual_category
)

select
  judged.set_by_hand,
  count(*) as incidents,
  count(*) filter (where judged.decided = 'CRITICAL') as critical,
  count(*) filter (where judged.decided = 'HIGH') as high,
  count(*) filter (where judged.decided = 'MEDIUM') as medium,
  count(*) filter (where judged.decided = 'LOW') as low,
  count(*) filter (where judged.decided = 'backend') as backend,
  count(*) filter (where judged.decided = 'frontend') as frontend,
  count(*) filter (where judged.decided = 'database') as database,
  count(*) filter (where judged.decided = 'security') as security,
  count(*) filter (where judged.decided = 'infrastructure') as infrastructure,
  (array_agg(judged.id order by judged.id desc) filter (where judged.decided <> judged.set_by_hand))[1:5] as examples
from judged
group by judged.value_of, judged.set_by_hand
order by
  judged.value_of desc,
  array_position(array['CRITICAL', 'HIGH', 'MEDIUM', 'LOW'], judged.set_by_hand) asc,
  judged.set_by_hand asc;
