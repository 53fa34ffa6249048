-- Purpose: checks an installation: what the service, the SQL editor and `python -m app.doctor` ask before a deployment.
-- Objects: type monitoring.installation_check; functions monitoring.installation_check_of, monitoring.try_write,
--   monitoring.check_server, monitoring.check_extensions, monitoring.check_jobs, monitoring.check_schema,
--   monitoring.check_rows, monitoring.check_activity, monitoring.check_notifications, public.check_installation.
-- Risks: the checks run where things are missing: what an extension or a schema of Supabase contains is read only after
--   it was looked up, and in plpgsql, which resolves names at the time of the call.

create type monitoring.installation_check as (
  name text,
  result text,
  sentence text,
  remedy text
);

comment on type monitoring.installation_check is
'One check of an installation. result is ok, warning or failed; remedy is null if it is ok.';

create function monitoring.installation_check_of(
  name text, is_well boolean, sentence text, remedy text, is_needed boolean default true
)
returns monitoring.installation_check
language plpgsql
immutable
security invoker
set search_path = ''
as $$
begin
  return (
    installation_check_of.name,
    case
      when installation_check_of.is_well then 'ok'
      when installation_check_of.is_needed then 'failed'
      else 'warning'
    end,
    installation_check_of.sentence,
    case when installation_check_of.is_well is not true then installation_check_of.remedy end
  );
end
$$;

comment on function monitoring.installation_check_of(text, boolean, text, text, boolean) is
'Returns the row of a check. Unless it is well, one that is needed has failed, and any other is a warning: its state can
be intended, as that of a database without targets.';

create function monitoring.try_write()
returns text
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  v_problem text;
begin
  begin
    insert into monitoring.service_versions (version)
    values (gen_random_uuid()::text);
    raise exception using errcode = 'P0002', message = 'undone';
  exception
    when no_data_found then
      return null;
  end;
exception
  when others then
    get stacked diagnostics v_problem = message_text;
    return v_problem;
end
$$;

comment on function monitoring.try_write() is
'Inserts a row and undoes it. Returns null if that worked, else the message of the error: of a read-only database, for
example, or of a full disk.';

create function monitoring.check_server()
returns setof monitoring.installation_check
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  v_number integer := current_setting('server_version_num')::integer;
  -- PostgREST asks for transactions that may write, whatever the default; pg_cron's jobs do not.
  v_problem text := case
    when current_setting('default_transaction_read_only')::boolean then 'default_transaction_read_only is on'
    else monitoring.try_write()
  end;
  v_services text;
begin
  return next monitoring.installation_check_of(
    'PostgreSQL', v_number >= 150000, format('PostgreSQL %s runs.', v_number / 10000),
    'Upgrade the project to PostgreSQL 15 or newer.'
  );
  return next monitoring.installation_check_of(
    'writing', v_problem is null,
    coalesce('The database accepts no writes: ' || v_problem || '.', 'The database accepts writes.'),
    'Supabase makes a database read-only when its disk is nearly full: free space or enlarge the disk.'
  );

  v_services := (
    select string_agg(distinct service_versions.version, ', ')
    from monitoring.service_versions
    where service_versions.last_seen > now() - interval '10 minutes'
      and not coalesce(
        (
          monitoring.describe_version_problem(service_versions.version, monitoring.schema_version()) -> 'is_compatible'
        )::boolean,
        true
      )
  );
  return next monitoring.installation_check_of(
    'versions', v_services is null,
    'The schema has version ' || monitoring.schema_version()
    || coalesce('; a service of version ' || v_services || ' called in the last 10 minutes.', '.'),
    'Deploy the service of the same version as the schema.', false
  );
end
$$;

comment on function monitoring.check_server() is
'Checks the version of PostgreSQL, that it accepts writes, and the versions of services that called lately.';

create function monitoring.check_extensions()
returns setof monitoring.installation_check
language plpgsql
stable
security invoker
set search_path = ''
as $$
declare
  v_needed record;
  v_trigger "char" := (
    select pg_trigger.tgenabled
    from pg_catalog.pg_trigger
    where pg_trigger.tgrelid = to_regclass('net._http_response')
      and pg_trigger.tgname = 'monitoring_records_answers'
  );
begin
  for v_needed in
    select
      needed.name,
      needed.oldest,
      needed.purpose,
      pg_extension.extversion as version,
      regexp_match(pg_extension.extversion, '^([0-9]+)\.([0-9]+)')::integer[]
        >= regexp_match(needed.oldest, '^([0-9]+)\.([0-9]+)')::integer[] as is_new_enough
    from (
      values
      ('vector', '0.5', 'finds known errors by meaning'),
      ('pg_cron', '1.5', 'runs the health checks and all other jobs'),
      ('pg_net', '0.7', 'sends the health checks')
    ) as needed (name, oldest, purpose)
    left join pg_catalog.pg_extension on pg_extension.extname = needed.name
    order by needed.name
  loop
    return next monitoring.installation_check_of(
      'extension ' || v_needed.name,
      v_needed.version is not null and coalesce(v_needed.is_new_enough, true),
      case
        when v_needed.version is null
          then format('The extension %s is missing, which %s.', v_needed.name, v_needed.purpose)
        when not v_needed.is_new_enough
          then format('%s %s is too old: %s is needed.', v_needed.name, v_needed.version, v_needed.oldest)
        else format('%s %s is installed.', v_needed.name, v_needed.version)
      end,
      case
        when v_needed.version is null then format(
          'Enable %s in the dashboard under Database, Extensions, then run select monitoring.install(); in the SQL editor.',
          v_needed.name
        )
        else 'Upgrade the project: a newer version comes with it.'
      end
    );
  end loop;
  return next monitoring.installation_check_of(
    'trigger for response times',
    v_trigger <> 'D',
    case
      when v_trigger is null then 'The trigger on net._http_response is missing: checks have no response times.'
      when v_trigger = 'D' then 'The trigger on net._http_response is disabled: checks have no response times.'
      else 'The trigger on net._http_response records response times.'
    end,
    'Run select monitoring.install_answer_trigger(); in the SQL editor.',
    false
  );
end
$$;

comment on function monitoring.check_extensions() is
'Checks that the extensions are installed in a version that has what the migrations use, and the trigger on pg_net''s
responses.';

create function monitoring.check_jobs()
returns setof monitoring.installation_check
language plpgsql
stable
security invoker
set search_path = ''
as $$
declare
  v_bad text;
  v_count bigint;
  v_ran_at timestamptz := (
    select job_runs.ran_at from monitoring.job_runs where job_runs.job = 'monitoring-health-checks'
  );
begin
  if to_regclass('cron.job') is null then
    return next monitoring.installation_check_of(
      'jobs', false, 'No job is scheduled, because pg_cron is missing: nothing is checked, retried or purged.',
      'Enable pg_cron, then run select monitoring.install(); in the SQL editor.'
    );
    return;
  end if;

  select count(*), string_agg(job.jobname, ', ' order by job.jobname) filter (where not job.active)
  into v_count, v_bad
  from cron.job
  where job.jobname in (select jobs.name from monitoring.list_jobs() as jobs);
  v_bad := concat_ws(
    '; ',
    'missing: ' || (
      select string_agg(expected.name, ', ' order by expected.name)
      from monitoring.expected_jobs() as expected
      where not exists (select from cron.job where job.jobname = expected.name)
    ),
    'inactive: ' || v_bad
  );
  return next monitoring.installation_check_of(
    'jobs', v_bad = '',
    case when v_bad = '' then format('%s jobs are scheduled and active.', v_count) else format('Jobs are %s.', v_bad) end,
    'Run select monitoring.install(); in the SQL editor. It also activates jobs.'
  );
  return next monitoring.installation_check_of(
    'scheduler',
    v_ran_at > now() - interval '2 minutes',
    case
      when v_ran_at is null then 'No round of health checks has run yet.'
      else format('The last round of health checks ran %s s ago.', round(extract(epoch from now() - v_ran_at)))
    end,
    'A round runs each minute. See select * from cron.job_run_details order by runid desc limit 5; and restart the '
    'project if pg_cron itself does not run.'
  );

  if has_table_privilege('cron.job_run_details', 'select') then
    v_bad := (
      select string_agg(distinct monitoring.sanitize_text(latest.return_message, 80), '; ')
      from (
        -- Our jobs run 1,700 times an hour, and only runid has an index.
        select job_run_details.status, job_run_details.return_message, job_run_details.start_time
        from cron.job_run_details
        order by job_run_details.runid desc
        limit 2000
      ) as latest
      where latest.status = 'failed'
        and latest.return_message <> 'job canceled'
        and latest.start_time > now() - interval '1 hour'
    );
    return next monitoring.installation_check_of(
      'failed jobs', v_bad is null, coalesce('Jobs failed in the last hour: ' || v_bad, 'No job failed in the last hour.'),
      'See select * from cron.job_run_details where status = ''failed'' order by runid desc; in the SQL editor.', false
    );
  end if;
end
$$;

comment on function monitoring.check_jobs() is
'Checks that the jobs are scheduled, active and running, and whether one failed in the last hour.';

create function monitoring.check_schema()
returns setof monitoring.installation_check
language sql
stable
security invoker
set search_path = ''
as $$
  select monitoring.installation_check_of(
    'tables', count(*) = 8, format('%s of the 8 tables exist.', count(*)), 'Run `supabase db push`.'
  )
  from pg_catalog.pg_class
  where pg_class.relnamespace = 'public'::regnamespace
    and pg_class.relkind in ('r', 'p')
    and pg_class.relname in (
      'error_knowledge', 'incidents', 'monitoring_checks', 'agent_actions', 'deployment_history', 'security_events',
      'system_config', 'email_tracking'
    )
  union all
  select monitoring.installation_check_of(
    'indexes', count(*) = 2,
    case
      when count(*) = 2 then 'The unique index of live incidents and the index of vectors exist.'
      else 'incidents_live_fingerprint_idx or error_knowledge_embedding_idx is missing or invalid.'
    end,
    'Create the index again as in its migration, or run reindex index public.<name>; on an invalid one.'
  )
  from pg_catalog.pg_index
  where pg_index.indisvalid
    and pg_index.indexrelid in (
      to_regclass('public.incidents_live_fingerprint_idx'), to_regclass('public.error_knowledge_embedding_idx')
    )
  union all
  select monitoring.installation_check_of(
    'row-level security', bool_and(pg_class.relrowsecurity),
    coalesce(
      'Row-level security is off for '
      || string_agg(pg_class.relname, ', ') filter (where not pg_class.relrowsecurity) || '.',
      'Row-level security is on for all our tables.'
    ),
    'Run alter table … enable row level security; for each.'
  )
  from monitoring.list_own_objects() as own
  join pg_catalog.pg_class on pg_class.relname = own.name and pg_class.relnamespace = to_regnamespace(own.schema)
  where own.kind = 'relation'
    and pg_class.relkind in ('r', 'p')
  union all
  select monitoring.installation_check_of(
    'closed functions', count(*) = 0,
    coalesce(
      'Other roles may execute ' || string_agg(pg_proc.proname, ', ') || '.',
      'No other role may execute our functions in the schema monitoring.'
    ),
    'Run select monitoring.install(); in the SQL editor. It sets the privileges of our objects.'
  )
  from monitoring.list_own_functions() as own
  join pg_catalog.pg_proc on pg_proc.proname = own.name and pg_proc.pronamespace = to_regnamespace(own.schema)
  where own.schema = 'monitoring'
    and exists (
      select
      from aclexplode(coalesce(pg_proc.proacl, acldefault('f', pg_proc.proowner))) as entry
      where entry.grantee <> pg_proc.proowner
    )
  union all
  select monitoring.installation_check_of(
    'grants of the service', count(*) = 0,
    coalesce(
      'service_role may not execute ' || string_agg(needed.name, ', ') || '.',
      'service_role may call the functions that the service calls.'
    ),
    'Run `supabase db push`, or grant execute on each function to service_role.'
  )
  from unnest(array[
    'ingest_events(jsonb)', 'ingest_deliveries(jsonb)', 'service_health(text)', 'public_status()', 'status_page()',
    'system_status()', 'list_incidents(jsonb)', 'record_invalid_signature(text)', 'start_health_check_round()',
    'write_service_targets(text,text)', 'record_provider_email_event(text,jsonb)'
  ]) as needed (name)
  where not coalesce(has_function_privilege('service_role', to_regprocedure('public.' || needed.name), 'execute'), false)
$$;

comment on function monitoring.check_schema() is
'Checks our tables, indexes, row-level security, that our functions in the schema monitoring are closed, and the grants
of the service. Objects of others are not looked at.';

create function monitoring.check_rows()
returns setof monitoring.installation_check
language plpgsql
stable
security invoker
set search_path = ''
as $$
declare
  c_entries constant text[] := array[
    'kill_switch', 'feature_flags', 'rate_limits', 'deployment_windows', 'health_check_targets', 'health_check_policy',
    'incident_policy', 'retention', 'notification_recipients'
  ];
  v_missing text;
begin
  v_missing := (
    select string_agg(needed.entry, ', ')
    from unnest(c_entries) as needed (entry)
    where not exists (select from public.system_config where system_config.key = needed.entry)
  );
  return next monitoring.installation_check_of(
    'configuration', v_missing is null,
    coalesce('system_config lacks ' || v_missing || '.', 'system_config has its 9 entries.'),
    'Run select monitoring.install(); in the SQL editor.'
  );
  v_missing := nullif(
    concat_ws(
      ', ',
      case when not exists (select from monitoring.config_field) then 'config_field' end,
      case when not exists (select from monitoring.action_kinds) then 'action_kinds' end
    ),
    ''
  );
  return next monitoring.installation_check_of(
    'seeded rows', v_missing is null,
    coalesce('There are no rows in ' || v_missing || '.', 'The tables that the migrations fill have their rows.'),
    'Run select monitoring.install(); in the SQL editor.'
  );
  if (monitoring.config('feature_flags') ->> 'embeddings')::boolean then
    return next monitoring.installation_check_of(
      'secret for embeddings',
      monitoring.read_secret('embeddings_api_key') is not null,
      case
        when monitoring.read_secret('embeddings_api_key') is null
          then 'feature_flags.embeddings is on, but the secret embeddings_api_key is missing.'
        else 'The secret for embeddings exists.'
      end,
      'Run select vault.create_secret(''<key>'', ''embeddings_api_key''); in the SQL editor.'
    );
  end if;
end
$$;

comment on function monitoring.check_rows() is
'Checks the rows that the migrations insert, and the secret for embeddings while they are switched on.';

create function monitoring.check_activity()
returns setof monitoring.installation_check
language sql
stable
security invoker
set search_path = ''
as $$
  select monitoring.installation_check_of(
    'targets', count(*) > 0,
    coalesce('Health checks watch ' || string_agg(probe_targets.name, ', ') || '.', 'No target is configured or enabled.'),
    'Add targets to health_check_targets in system_config, or set BACKEND_API_URL or ADMIN_CONSOLE_URL.', false
  )
  from monitoring.probe_targets
  where probe_targets.is_enabled
  union all
  select monitoring.installation_check_of(
    'last checks', coalesce(max(monitoring_checks.scheduled_at) > now() - interval '5 minutes', false),
    coalesce('The last health check was at ' || max(monitoring_checks.scheduled_at) || '.', 'There is no health check yet.'),
    'Checks begin within a minute after the first target is configured.', false
  )
  from public.monitoring_checks
  union all
  select monitoring.installation_check_of(
    'response times', count(monitoring_checks.response_time_ms) > 0,
    coalesce(
      'The median response time of the last hour is '
      || round(percentile_cont(0.5) within group (order by monitoring_checks.response_time_ms)) || ' ms.',
      'No check of the last hour has a response time.'
    ),
    'Response times come with the first answered check, and need the trigger.', false
  )
  from public.monitoring_checks
  where monitoring_checks.scheduled_at > now() - interval '1 hour'
  union all
  select monitoring.installation_check_of(
    'kill switch', not monitoring.is_kill_switch_on(),
    case
      when monitoring.is_kill_switch_on() then 'The kill switch is on: agents may not act.'
      else 'The kill switch is off.'
    end,
    'Release it when agents may act again.', false
  )
  union all
  select monitoring.installation_check_of(
    'audit anchors', coalesce(max(audit_anchors.anchored_at) > now() - interval '2 days', false),
    coalesce(
      'The last anchor of the audit trail is of ' || max(audit_anchors.anchored_on) || '.',
      'The audit trail has no anchor yet.'
    ),
    'A job anchors it each night; select public.anchor_audit(); does so at once.', false
  )
  from monitoring.audit_anchors
$$;

comment on function monitoring.check_activity() is
'Checks what need not be there yet: targets, checks, response times, anchors; and the kill switch.';

create function monitoring.check_notifications()
returns setof monitoring.installation_check
language sql
stable
security invoker
set search_path = ''
as $$
  select monitoring.installation_check_of(
    'notification channels', count(*) > 0,
    coalesce(
      'Incidents notify ' || string_agg(channels.name, ', ' order by channels.place) || '.',
      'No notification channel is configured and active: an incident tells nobody.'
    ),
    'Add channels to notification_recipients in system_config. Channels of kind email need feature_flags.email.', false
  )
  from monitoring.notification_channels as channels
  where monitoring.is_channel_active(channels)
  union all
  select monitoring.installation_check_of(
    'secrets of channels', count(judged.problem) = 0,
    coalesce(
      'Channels cannot be notified: ' || string_agg(judged.problem, '; ') || '.',
      'The secrets of the notification channels exist.'
    ),
    'Create the secret again, with ' || monitoring.describe_secret_creation()
  )
  from (
    select format('%s, whose %s ', channels.name, named.field)
      || monitoring.find_secret_problem(named.field, named.secret) as problem
    from monitoring.notification_channels as channels
    cross join lateral (
      values
      ('url_secret', channels.url_secret), ('token_secret', channels.token_secret),
      ('signing_secret', channels.signing_secret)
    ) as named (field, secret)
    where channels.is_enabled
    order by channels.place
  ) as judged
  having count(*) > 0
  union all
  select monitoring.installation_check_of(
    'dead notifications', count(*) = 0,
    coalesce(
      'In the last day, notifications were given up: '
      || string_agg(format('%s of %s (%s)', given_up.number, given_up.channel, given_up.reason), '; ') || '.',
      'No notification was given up in the last day.'
    ),
    'Correct the reason, then run select monitoring.retry_dead_notifications(''<channel>''); in the SQL editor.', false
  )
  from (
    select
      dead.channel,
      count(*) as number,
      coalesce(left((array_agg(dead.error order by dead.id desc))[1], 200), 'without a reason') as reason
    from monitoring.notifications as dead
    where dead.status = 'dead'
      and dead.event <> 'test'
      and dead.finished_at > now() - interval '1 day'
    group by dead.channel
    order by dead.channel
  ) as given_up
$$;

comment on function monitoring.check_notifications() is
'Checks that a notification channel is active, that the secrets of the channels exist, and whether notifications were
given up in the last day.';

create function public.check_installation()
returns table (number integer, name text, result text, sentence text, remedy text)
language sql
volatile
security definer
set search_path = ''
as $$
  select
    row_number() over ()::integer,
    checks.name,
    checks.result,
    checks.sentence,
    checks.remedy
  from (
    select server.* from monitoring.check_server() as server
    union all
    select extensions.* from monitoring.check_extensions() as extensions
    union all
    select jobs.* from monitoring.check_jobs() as jobs
    union all
    select objects.* from monitoring.check_schema() as objects
    union all
    select seeded.* from monitoring.check_rows() as seeded
    union all
    select activity.* from monitoring.check_activity() as activity
    union all
    select told.* from monitoring.check_notifications() as told
  ) as checks
$$;

revoke all on function public.check_installation() from public, anon, authenticated, service_role;

grant execute on function public.check_installation() to service_role;

comment on function public.check_installation() is
'Checks the installation: server, extensions, jobs, schema, rows, activity and notifications.

Returns one row per check: "result" is "ok", "warning" (can be intended) or "failed"; "sentence" says what was found,
and "remedy" what to do about it. Leaves nothing behind: the row that proves the permission to write is undone.
`python -m app.doctor` and supabase/snippets/verify_database.sql show the rows. Security definer, because only the owner
may read the jobs of pg_cron, the configuration and the secrets.';
