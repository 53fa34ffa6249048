-- Purpose: provides the RPCs that the service calls besides ingest: health, targets and links from its settings, the
--   first round, status.
-- Objects: tables monitoring.service_targets, monitoring.service_settings; functions monitoring.describe_scheduler,
--   monitoring.describe_response_times, public.service_health,
--   monitoring.write_service_target, public.write_service_targets, public.write_service_url,
--   public.start_health_check_round,
--   public.status_summary, public.system_status.
-- Risks: what the service writes from its settings must never overwrite what a person configured.

create table monitoring.service_targets (
  name text primary key,
  written jsonb not null
);

alter table monitoring.service_targets enable row level security;

create policy service_targets_is_read_by_nobody on monitoring.service_targets
for select to authenticated
using (false);

revoke all on table monitoring.service_targets from public, anon, authenticated, service_role;

comment on table monitoring.service_targets is
'Targets as the service wrote them: a different or missing target in the configuration was changed by a person.';

comment on column monitoring.service_targets.name is 'Name of the target.';

comment on column monitoring.service_targets.written is 'Target as the service last wrote it.';

create table monitoring.service_settings (
  entry text not null,
  field text not null,
  written jsonb not null,
  primary key (entry, field)
);

alter table monitoring.service_settings enable row level security;

create policy service_settings_is_read_by_nobody on monitoring.service_settings
for select to authenticated
using (false);

revoke all on table monitoring.service_settings from public, anon, authenticated, service_role;

comment on table monitoring.service_settings is
'Fields of the configuration as the service wrote them: a different or missing value was changed by a person.';

comment on column monitoring.service_settings.entry is 'Key of system_config.';

comment on column monitoring.service_settings.field is 'Name of the field.';

comment on column monitoring.service_settings.written is 'Value as the service last wrote it.';

create function monitoring.describe_scheduler()
returns jsonb
language plpgsql
stable
security invoker
set search_path = ''
as $$
declare
  v_job record;
  v_last_run_at timestamptz := (
    select job_runs.ran_at from monitoring.job_runs where job_runs.job = 'monitoring-health-checks'
  );
begin
  -- Without pg_cron the jobs do not run, but reports are stored all the same.
  if to_regclass('cron.job') is null then
    return jsonb_build_object('schedule', null, 'is_active', false, 'last_run_at', v_last_run_at);
  end if;
  select job.schedule, job.active
  into v_job
  from cron.job
  where job.jobname = 'monitoring-health-checks';
  return jsonb_build_object('schedule', v_job.schedule, 'is_active', v_job.active, 'last_run_at', v_last_run_at);
end
$$;

comment on function monitoring.describe_scheduler() is
'Returns schedule, is_active and last_run_at of the job that starts the health checks. schedule is null when the job
or pg_cron is missing.';

create function monitoring.describe_response_times()
returns jsonb
language sql
stable
security invoker
set search_path = ''
as $$
  select jsonb_build_object(
    'are_measured', exists (
      select
      from pg_catalog.pg_trigger
      where pg_trigger.tgrelid = to_regclass('net._http_response')
        and pg_trigger.tgname = 'monitoring_records_answers'
        and pg_trigger.tgenabled <> 'D'
    ),
    'error_ms', (
      select percentile_disc(0.95) within group (order by latest.response_time_error_ms)
      from (
        select monitoring_checks.response_time_error_ms
        from public.monitoring_checks
        where monitoring_checks.scheduled_at > now() - interval '1 hour'
        order by monitoring_checks.scheduled_at desc
        limit 2000
      ) as latest
      where latest.response_time_error_ms is not null
    )
  )
$$;

comment on function monitoring.describe_response_times() is
'Returns {"are_measured", "error_ms"}: whether response times are measured when responses arrive, and how many
milliseconds 95 of 100 of them are wrong by at most, of the last 2,000 checks of the last hour; null when none was
measured.';

create function public.service_health(service_version text default null)
returns jsonb
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  v_response_times jsonb := monitoring.describe_response_times();
begin
  perform monitoring.remember_service(service_health.service_version);
  return jsonb_build_object(
    'status', 'ok',
    'schema_version', monitoring.schema_version(),
    'version_problem', monitoring.describe_version_problem(
      service_health.service_version, monitoring.schema_version()
    ),
    'overall', monitoring.overall_state(),
    'server_time', clock_timestamp(),
    'is_kill_switch_on', monitoring.is_kill_switch_on(),
    'is_monitoring_on', (monitoring.config('feature_flags') ->> 'monitoring')::boolean,
    'has_response_times', v_response_times -> 'are_measured',
    'response_times', v_response_times,
    'audit_anchor', (
      select jsonb_build_object('anchored_on', newest.anchored_on, 'hash', newest.hash, 'chains', newest.chains)
      from monitoring.audit_anchors as newest
      order by newest.anchored_on desc
      limit 1
    ),
    'sentry', (
      select to_jsonb(feed)
      from monitoring.describe_sentry_feed() as feed
    ),
    'notifications', monitoring.describe_notifications(),
    'scheduler', monitoring.describe_scheduler(),
    'judgement', monitoring.describe_judgement()
  );
end
$$;

revoke all on function public.service_health(text) from public, anon, authenticated, service_role;

grant execute on function public.service_health(text) to authenticated, service_role;

comment on function public.service_health(text) is
'Returns the state of the database, of the scheduler, of the Sentry integration and of notifications.

Returns {"status", "schema_version", "version_problem": {"cause", "remedy", "is_compatible", "service_version",
"schema_version"}, "overall": "operational" | "degraded" | "outage" | "unknown" | "no_targets", "server_time", "is_kill_switch_on",
"is_monitoring_on", "has_response_times", "response_times": {"are_measured", "error_ms"}, "audit_anchor": {"anchored_on", "hash", "chains"}, "sentry":
{"last_delivery_at", "is_silent", "failed", "deferred"}, "notifications": {"queued", "oldest_age_seconds",
"dead"}, "scheduler": {"schedule", "is_active", "last_run_at"},
"judgement": {"last_success_at", "is_late"}}.
audit_anchor is the latest one, which the service logs; null before the first. failed and deferred are numbers of
deliveries; queued and dead are numbers of notifications that are not sent yet and that were given up in the last 24
hours. schedule is null when the job or pg_cron is missing: select monitoring.install() restores the job. judgement.is_late says
that the checks were not judged for a minute, so that nobody knows how the targets are; error_ms by how many milliseconds
95 of 100 response times are wrong at most. The service
passes its own version as service_version, which is remembered; version_problem says how it differs from
the schema''s, and is null if it does not. Security definer, because only the owner may read the configuration and the
jobs of pg_cron.';

create function monitoring.write_service_target(target jsonb)
returns jsonb
language plpgsql
volatile
strict
security invoker
set search_path = ''
as $$
declare
  v_name text := write_service_target.target ->> 'name';
  v_targets jsonb;
  v_current jsonb;
  v_written jsonb;
  v_reason text;
begin
  v_targets := (
    select system_config.value from public.system_config where system_config.key = 'health_check_targets'
  );
  v_current := (
    select items.item from jsonb_array_elements(v_targets) as items (item) where items.item ->> 'name' = v_name
  );
  v_written := (
    select service_targets.written from monitoring.service_targets where service_targets.name = v_name
  );

  if v_current is null and v_written is not null then
    return jsonb_build_object('name', v_name, 'result', 'kept', 'reason', 'it was removed by hand');
  elsif v_current <> v_written or (v_current is not null and v_written is null) then
    return jsonb_build_object('name', v_name, 'result', 'kept', 'reason', 'it was added or edited by hand');
  elsif v_current = write_service_target.target then
    return jsonb_build_object('name', v_name, 'result', 'unchanged');
  end if;

  update public.system_config
  set
    value = case
      when v_current is null then v_targets || jsonb_build_array(write_service_target.target)
      else (
        select jsonb_agg(
          case when items.item ->> 'name' = v_name then write_service_target.target else items.item end
          order by items.position
        )
        from jsonb_array_elements(v_targets) with ordinality as items (item, position)
      )
    end
  where system_config.key = 'health_check_targets';

  insert into monitoring.service_targets (name, written)
  values (v_name, write_service_target.target)
  on conflict (name) do update
    set written = excluded.written;
  return jsonb_build_object('name', v_name, 'result', 'written');
exception
  when check_violation then
    get stacked diagnostics v_reason = message_text;
    return jsonb_build_object('name', v_name, 'result', 'refused', 'reason', v_reason);
end
$$;

comment on function monitoring.write_service_target(jsonb) is
'Writes one target into the configuration, unless a person added, edited or removed a target of its name. Returns the
result.';

create function public.write_service_targets(backend_url text default null, console_url text default null)
returns jsonb
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  v_backend text := rtrim(write_service_targets.backend_url, '/');
  v_answer jsonb := '[]'::jsonb;
  v_has_backend boolean;
begin
  -- Serializes replicas of the service that start at the same time. Every change of the configuration takes this lock
  -- before its row.
  perform pg_advisory_xact_lock(20261126, 1);

  if v_backend is not null then
    v_answer := v_answer || monitoring.write_service_target(
      jsonb_build_object('name', 'backend', 'type', 'backend', 'url', v_backend || '/health')
    );
  end if;
  if write_service_targets.console_url is not null then
    v_answer := v_answer || monitoring.write_service_target(
      jsonb_build_object('name', 'frontend', 'type', 'frontend', 'url', write_service_targets.console_url)
    );
  end if;
  if v_backend is not null then
    v_has_backend := exists (select from monitoring.probe_targets where probe_targets.name = 'backend');
    v_answer := v_answer || monitoring.write_service_target(
      jsonb_strip_nulls(
        jsonb_build_object(
          'name', 'database',
          'type', 'database',
          'url', v_backend || '/health/db',
          'depends_on', case when v_has_backend then 'backend' end
        )
      )
    );
  end if;
  return v_answer;
end
$$;

revoke all on function public.write_service_targets(text, text) from public, anon, authenticated, service_role;

grant execute on function public.write_service_targets(text, text) to service_role;

comment on function public.write_service_targets(text, text) is
'Adds or updates the targets backend, frontend and database in health_check_targets.

backend_url is the base URL of the product''s backend, whose /health and /health/db are probed; console_url is the
URL of its console. Targets of these names that a person added, edited or removed are left unchanged. Returns a list
of {"name", "result": "written" | "unchanged" | "kept" | "refused", "reason"?}. Security definer, because
service_role may write these targets and nothing else in the configuration.';

create function public.write_service_url(url text)
returns jsonb
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  v_link jsonb := to_jsonb(rtrim(write_service_url.url, '/') || '/incidents/{id}');
  v_current jsonb;
  v_written jsonb;
begin
  if monitoring.find_value_problem(to_jsonb(write_service_url.url), 'url', 1, 1980, null) is not null
    or write_service_url.url is null
    or write_service_url.url ~ '[?#{}]'
  then
    return jsonb_build_object(
      'result', 'refused', 'reason', 'url must be an http or https URL without a query, such as https://status.example.com'
    );
  end if;
  -- As write_service_targets() does.
  perform pg_advisory_xact_lock(20261126, 1);
  v_current := (
    select nullif(system_config.value -> 'incident_url', 'null')
    from public.system_config
    where system_config.key = 'incident_policy'
  );
  v_written := (
    select service_settings.written
    from monitoring.service_settings
    where service_settings.entry = 'incident_policy'
      and service_settings.field = 'incident_url'
  );
  if v_current = v_link then
    return jsonb '{"result": "unchanged"}';
  elsif v_current is null and v_written is not null then
    return jsonb '{"result": "kept", "reason": "it was removed by hand"}';
  elsif v_current is distinct from v_written then
    return jsonb '{"result": "kept", "reason": "it was edited by hand"}';
  end if;

  update public.system_config
  set value = system_config.value || jsonb_build_object('incident_url', v_link)
  where system_config.key = 'incident_policy';
  insert into monitoring.service_settings (entry, field, written)
  values ('incident_policy', 'incident_url', v_link)
  on conflict (entry, field) do update
    set written = excluded.written;
  return jsonb '{"result": "written"}';
end
$$;

revoke all on function public.write_service_url(text) from public, anon, authenticated, service_role;

grant execute on function public.write_service_url(text) to service_role;

comment on function public.write_service_url(text) is
'Makes notifications link to the incident pages of the service: sets incident_policy.incident_url.

url is the public address of the service, to which /incidents/{id} is added. A link that a person wrote, edited or removed
stays as it is. Returns {"result": "written" | "unchanged" | "kept" | "refused", "reason"?}. Security definer, because
service_role may write this field and nothing else of the entry.';

create function public.start_health_check_round()
returns integer
language sql
volatile
security definer
set search_path = ''
as $$
  select monitoring.start_round(date_trunc('minute', clock_timestamp()))
$$;

revoke all on function public.start_health_check_round() from public, anon, authenticated, service_role;

grant execute on function public.start_health_check_round() to service_role;

comment on function public.start_health_check_round() is
'Starts the round of health checks of the current minute and returns the number of requests sent.

0 when the round was started already. Security definer, because service_role may start a round, but may not write
checks.';

create function public.status_summary()
returns jsonb
language sql
stable
security invoker
set search_path = ''
as $$
  select public.service_health() || jsonb_build_object(
    'postgres', current_setting('server_version'),
    'open_incidents', (
      select jsonb_object_agg(severities.severity, counted.size)
      from unnest(enum_range(null::public.incident_severity)) as severities (severity)
      cross join lateral (
        select count(*) as size
        from (
          select
          from public.incidents
          where incidents.status <> 'resolved'
            and incidents.severity = severities.severity
          -- In the order of incidents_live_idx, which is all that is read. In that of opened_at alone, the planner may
          -- walk through all incidents.
          order by incidents.severity desc, incidents.opened_at desc, incidents.id
          limit 10000
        ) as live
      ) as counted
    ),
    'last_deployments', (
      select coalesce(jsonb_agg(to_jsonb(latest) order by latest.started_at desc), '[]')
      from (
        select
          deployment_history.id, deployment_history.service, deployment_history.version,
          deployment_history.environment, deployment_history.status, deployment_history.started_at
        from public.deployment_history
        order by deployment_history.started_at desc
        limit 5
      ) as latest
    ),
    'undelivered_emails', (
      select coalesce(jsonb_agg(to_jsonb(newest) order by newest.at desc), '[]')
      from (
        select
          undelivered.recipient, undelivered.status, undelivered.at, undelivered.reason, undelivered.incident_id,
          undelivered.emails
        from (
          select
            email_tracking.recipient, email_tracking.status, email_tracking.bounced_at as at,
            email_tracking.error as reason, email_tracking.incident_id,
            count(*) over (partition by lower(email_tracking.recipient)) as emails,
            row_number() over (
              partition by lower(email_tracking.recipient) order by email_tracking.bounced_at desc, email_tracking.id desc
            ) as place
          from public.email_tracking
          where email_tracking.bounced_at > now() - interval '7 days'
        ) as undelivered
        where undelivered.place = 1
        order by undelivered.at desc
        limit 20
      ) as newest
    )
  )
$$;

revoke all on function public.status_summary() from public, anon, authenticated, service_role;

grant execute on function public.status_summary() to authenticated, service_role;

comment on function public.status_summary() is
'Returns service_health(), the PostgreSQL version, open incidents by severity, 5 deployments and failed e-mails.

10,000 open incidents of a severity are that many or more. The deployments are the latest. undelivered_emails are up to 20 recipients whose e-mails bounced or who complained in the
last 7 days: {"recipient", "status", "at", "reason", "incident_id", "emails"}, the latest e-mail of each and how many they
were. Row-level security applies: the result contains what the caller may read, and only service_role may read
e-mails.';

create function public.system_status()
returns jsonb
language sql
stable
security invoker
set search_path = ''
as $$
  select public.status_summary() || jsonb_build_object(
    'targets', (
      select coalesce(jsonb_agg(target_status order by target_status.target), '[]')
      from public.target_status
    )
  )
$$;

revoke all on function public.system_status() from public, anon, authenticated, service_role;

grant execute on function public.system_status() to authenticated, service_role;

comment on function public.system_status() is
'Returns status_summary() with all targets, as in the view target_status.

Row-level security applies: the result contains what the caller may read.';
