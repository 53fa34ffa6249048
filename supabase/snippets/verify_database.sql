-- Verifies a deployment: paste it into the SQL editor. Returns one row per check and per version of the service that
-- called, and a verdict. warning marks a state that can be intended, such as a database without targets.
with checks as (
  select
    installation.number,
    installation.name,
    installation.result,
    concat_ws(' ', installation.sentence, installation.remedy) as detail
  from public.check_installation() as installation
)

select
  lines.name as "check",
  lines.result,
  lines.detail
from (
  select
    checks.number,
    checks.name,
    checks.result,
    checks.detail
  from checks
  union all
  select
    100 as number,
    'service ' || service_versions.version as name,
    'ok' as result,
    format('called from %s to %s', service_versions.first_seen, service_versions.last_seen) as detail
  from monitoring.service_versions
  union all
  select
    200 as number,
    'verdict' as name,
    case when bool_or(checks.result = 'failed') then 'failed' else 'ok' end as result,
    count(*) filter (where checks.result = 'failed') || ' failed' as detail
  from checks
) as lines
order by lines.number;
