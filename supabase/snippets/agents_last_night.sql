-- Actions and claims of agents since yesterday evening, with the checks that refused them.
select
  agent_actions.created_at,
  agent_actions.agent,
  agent_actions.caller,
  agent_actions.action,
  agent_actions.incident_id,
  agent_actions.safety_verdict,
  agent_actions.success,
  agent_actions.error,
  (
    select string_agg(checks.item ->> 'check', ', ')
    from jsonb_array_elements(agent_actions.safety_checks) as checks (item)
    where not (checks.item ->> 'passed')::boolean
  ) as refused_by
from public.agent_actions
where
  agent_actions.created_at > date_trunc('day', now()) - interval '6 hours'
  and (agent_actions.action not like 'incident\_%' or agent_actions.action = 'incident_claimed')
order by agent_actions.created_at desc
limit 200;
