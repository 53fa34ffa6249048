-- Errors of the last 30 days that may be merged: reports of one fingerprint whose titles differ in more than words with
-- digits, or of which a repeat was found more severe than the report before. Compared are the titles with which the
-- incidents of the fingerprint were opened and reopened, and the newest report of each.
-- What to do: compare the titles. One error may quote different names and values. If they are different errors, let the
-- program send an error.type or error.code that tells them apart, or a fingerprint of its own with each report
-- (docs/http-api.md, "Error reports").
with reports as (
  select
    incidents.fingerprint,
    incidents.id as incident_id,
    incidents.title,
    null as raised
  from public.incidents
  where incidents.last_seen > now() - interval '30 days'
  union all
  select
    incidents.fingerprint,
    incidents.id as incident_id,
    monitoring.build_error_title(incidents.message, incidents.error_type) as title,
    null as raised
  from public.incidents
  where
    incidents.last_seen > now() - interval '30 days'
    -- Sentry's titles are its own.
    and strpos(incidents.sender, ':') > 0
  union all
  select
    incidents.fingerprint,
    incidents.id as incident_id,
    case agent_actions.action
      when 'incident_renamed' then agent_actions.details ->> 'from' else incidents.title
    end as title,
    case agent_actions.action
      when 'incident_escalated' then format('%s: %s', agent_actions.details ->> 'rule', agent_actions.details ->> 'to')
    end as raised
  from public.agent_actions
  inner join public.incidents on agent_actions.incident_id = incidents.id
  where
    agent_actions.created_at > now() - interval '30 days'
    and agent_actions.action in ('incident_renamed', 'incident_escalated')
    -- By a report, not by a person.
    and strpos(agent_actions.agent, ':') > 0
    and coalesce(agent_actions.details ->> 'rule', '') not in ('manual', 'caller')
)

select
  reports.fingerprint,
  (array_agg(distinct reports.title))[1:5] as titles,
  string_agg(distinct reports.raised, ', ') as raised_by_a_repeat,
  (array_agg(distinct reports.incident_id))[1:5] as incidents
from reports
group by reports.fingerprint
having
  count(distinct regexp_replace(reports.title, '\S*[0-9]\S*', '…', 'g')) > 1
  or count(reports.raised) > 0
order by count(distinct reports.title) desc, reports.fingerprint asc
limit 50;
