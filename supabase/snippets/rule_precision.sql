-- How often each rule agrees with the severities and categories that people set in the last 90 days; the worst first.
-- Only these incidents count, so confirm right severities too, by set_incident_severity() with the same severity:
-- otherwise every rule looks worse than it is.
-- What to do about a rule that is often wrong: explain_classification() shows which words of an example it matched.
-- Correct your own rule in classification_rules. Against a built-in rule, insert a rule of your own that matches these
-- messages: it is tried first (docs/operator-tasks.md, "Add a classification rule").
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
    verdict.rule,
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
    decided.rule,
    'severity' as value_of,
    decided.severity::text as set_by_hand,
    decided.decided_severity::text as decided
  from decided
  where decided.has_manual_severity
  union all
  select
    decided.id,
    decided.rule,
    'category' as value_of,
    decided.category::text as set_by_hand,
    decided.decided_category::text as decided
  from decided
  where decided.has_manual_category
),

-- The cells of the confusion table of each rule.
cells as (
  select
    judged.rule,
    judged.value_of,
    judged.decided,
    judged.set_by_hand,
    count(*) as incidents,
    array_agg(judged.id order by judged.id desc) as ids
  from judged
  group by judged.rule, judged.value_of, judged.decided, judged.set_by_hand
),

rules as (
  select
    cells.rule,
    cells.value_of,
    sum(cells.incidents) as incidents,
    coalesce(sum(cells.incidents) filter (where cells.decided = cells.set_by_hand), 0) as agreed,
    string_agg(
      format(
        '%s should be %s: %s (%s)',
        cells.decided, cells.set_by_hand, cells.incidents, array_to_string(cells.ids[1:3], ', ')
      ),
      '; ' order by cells.incidents desc, cells.decided asc, cells.set_by_hand asc
    ) filter (where cells.decided <> cells.set_by_hand) as differences
  from cells
  group by cells.rule, cells.value_of
)

select
  rules.rule,
  rules.value_of,
  rules.incidents,
  rules.agreed,
  rules.differences,
  round(rules.agreed / rules.incidents, 2) as precision_of_rule
from rules
order by precision_of_rule asc, rules.incidents desc, rules.rule asc;
