-- Verifies a deployment: paste it into the SQL editor. Returns one row per check, and a verdict.
-- warn marks a state that can be intended, such as a database without targets.
with checks (position, name, is_well, is_needed, detail) as (
  select
    1,
    'the 8 tables',
    count(*) = 8,
    true,
    string_agg(pg_class.relname, ', ' order by pg_class.relname)
  from pg_catalog.pg_class
  where
    pg_class.relnamespace = 'public'::regnamespace
    and pg_class.relkind = 'r'
    and pg_class.relname in (
      'error_knowledge', 'incidents', 'monitoring_checks', 'agent_actions', 'deployment_history', 'security_events',
      'system_config', 'email_tracking'
    )
  union all
  select
    2,
    'the 9 configuration entries',
    count(*) = 9,
    true,
    string_agg(system_config.key, ', ')
  from public.system_config
  union all
  select
    3,
    'extensions',
    count(*) = 3,
    true,
    string_agg(extname || ' ' || extversion, ', ' order by extname)
  from pg_catalog.pg_extension
  where pg_extension.extname in ('vector', 'pg_cron', 'pg_net')
  union all
  select
    4,
    'the unique index for folding',
    count(*) = 1,
    true,
    'incidents_live_fingerprint_idx'
  from pg_catalog.pg_index
  where
    pg_index.indexrelid = to_regclass('public.incidents_live_fingerprint_idx')
    and pg_index.indisunique
    and pg_index.indisvalid
  union all
  select
    5,
    'the vector index',
    count(*) = 1,
    true,
    'error_knowledge_embedding_idx'
  from pg_catalog.pg_index
  where
    pg_index.indexrelid = to_regclass('public.error_knowledge_embedding_idx')
    and pg_index.indisvalid
  union all
  select
    6,
    'jobs scheduled',
    bool_and(job.active is true),
    true,
    coalesce(
      'missing or inactive: ' || string_agg(expected.name, ', ') filter (where job.active is not true),
      count(*) || ' jobs'
    )
  from monitoring.expected_jobs() as expected
  left join cron.job on expected.name = job.jobname
  union all
  select
    7,
    'jobs running',
    max(job_runs.ran_at) > now() - interval '2 minutes',
    true,
    coalesce('the last round ran at ' || max(job_runs.ran_at), 'no round has run')
  from monitoring.job_runs
  union all
  select
    8,
    'no job failed in the last hour',
    count(*) = 0,
    true,
    coalesce(string_agg(distinct left(job_run_details.return_message, 80), '; '), 'none')
  from cron.job_run_details
  where
    job_run_details.status = 'failed'
    and job_run_details.return_message <> 'job canceled'
    and job_run_details.start_time > now() - interval '1 hour'
  union all
  select
    9,
    'the trigger for response times',
    count(*) = 1,
    false,
    'on net._http_response'
  from pg_catalog.pg_trigger
  where
    pg_trigger.tgname = 'monitoring_records_answers'
    and pg_trigger.tgenabled <> 'D'
  union all
  select
    10,
    'row-level security on every table',
    bool_and(pg_class.relrowsecurity),
    true,
    coalesce('without: ' || string_agg(pg_class.relname, ', ') filter (where not pg_class.relrowsecurity), 'all')
  from pg_catalog.pg_class
  where
    pg_class.relnamespace in ('public'::regnamespace, 'monitoring'::regnamespace)
    and pg_class.relkind in ('r', 'p')
  union all
  select
    11,
    'policies',
    count(*) >= 8,
    true,
    count(*) || ' policies'
  from pg_catalog.pg_policies
  where pg_policies.schemaname = 'public'
  union all
  select
    12,
    'targets',
    count(*) > 0,
    false,
    coalesce(string_agg(probe_targets.name, ', '), 'no target is configured')
  from monitoring.probe_targets
  where probe_targets.is_enabled
  union all
  select
    13,
    'last checks',
    coalesce(max(monitoring_checks.scheduled_at) > now() - interval '5 minutes', false),
    false,
    coalesce('the last check at ' || max(monitoring_checks.scheduled_at), 'no check yet')
  from public.monitoring_checks
  union all
  select
    14,
    'response times',
    count(monitoring_checks.response_time_ms) > 0,
    false,
    coalesce(
      round(percentile_cont(0.5) within group (order by monitoring_checks.response_time_ms)) || ' ms median',
      'none in the last hour'
    )
  from public.monitoring_checks
  where monitoring_checks.scheduled_at > now() - interval '1 hour'
  union all
  select
    15,
    'kill switch off',
    not monitoring.is_kill_switch_on(),
    false,
    coalesce(monitoring.config('kill_switch') ->> 'reason', 'kill_switch.enabled')
  union all
  select
    16,
    'rows',
    true,
    false,
    format(
      '%s incidents, %s checks, %s actions, %s known errors',
      (select count(*) as n from public.incidents), (select count(*) as n from public.monitoring_checks),
      (select count(*) as n from public.agent_actions), (select count(*) as n from public.error_knowledge)
    )
  union all
  select
    17,
    'functions of monitoring closed to other roles',
    count(*) = 0,
    true,
    coalesce('executable: ' || string_agg(pg_proc.proname, ', '), 'all')
  from pg_catalog.pg_proc
  where
    pg_proc.pronamespace = 'monitoring'::regnamespace
    and exists (
      select
      from aclexplode(coalesce(pg_proc.proacl, acldefault('f', pg_proc.proowner))) as entry
      where entry.grantee <> pg_proc.proowner
    )
  union all
  select
    18,
    'the audit trail is anchored',
    coalesce(max(audit_anchors.anchored_at) > now() - interval '2 days', false),
    false,
    coalesce('the last anchor is of ' || max(audit_anchors.anchored_on), 'no anchor yet')
  from monitoring.audit_anchors
)

select
  lines.name as "check",
  lines.result,
  lines.detail
from (
  select
    checks.position,
    checks.name,
    checks.detail,
    case when checks.is_well then 'pass' when checks.is_needed then 'FAIL' else 'warn' end as result
  from checks
  union all
  select
    99 as position,
    'verdict' as name,
    count(*) filter (where not checks.is_well and checks.is_needed) || ' failed' as detail,
    case when bool_and(checks.is_well or not checks.is_needed) then 'pass' else 'FAIL' end as result
  from checks
) as lines
order by lines.position;
