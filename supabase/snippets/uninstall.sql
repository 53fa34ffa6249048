-- Removes the monitoring agent with all its data: whatever a push created. Stop the service and export your data first.
-- Nothing is removed, only listed, unless this line is in front: set monitoring.confirm_uninstall = 'yes';
do $uninstall$
declare
  -- Objects of others, to notice if one of them needs an object of ours and would be removed with it.
  c_others constant text := $query$
    with own as (
      select own.schema, own.kind, own.name
      from jsonb_to_recordset($1) as own (schema text, kind text, name text)
    ),
    relations as (
      select pg_class.oid
      from pg_catalog.pg_class
      join pg_catalog.pg_namespace on pg_namespace.oid = pg_class.relnamespace
      where pg_class.relkind in ('r', 'p', 'v', 'm', 'f')
        and pg_namespace.nspname !~ '^(pg_|information_schema$)'
        -- Partitions of our tables are not listed, and are ours.
        and not exists (
          select
          from own
          where to_regclass(format('%I.%I', own.schema, own.name)) in (pg_class.oid, pg_partition_root(pg_class.oid))
        )
    ),
    others as (
      select 'pg_catalog.pg_class'::regclass as catalog, relations.oid, 0 as part
      from relations
      union all
      select 'pg_catalog.pg_class'::regclass, pg_attribute.attrelid, pg_attribute.attnum
      from pg_catalog.pg_attribute
      where pg_attribute.attrelid in (select relations.oid from relations)
        and pg_attribute.attnum > 0
        and not pg_attribute.attisdropped
      union all
      select 'pg_catalog.pg_attrdef'::regclass, pg_attrdef.oid, 0
      from pg_catalog.pg_attrdef
      where pg_attrdef.adrelid in (select relations.oid from relations)
      union all
      select 'pg_catalog.pg_constraint'::regclass, pg_constraint.oid, 0
      from pg_catalog.pg_constraint
      where pg_constraint.conrelid in (select relations.oid from relations)
      union all
      select 'pg_catalog.pg_policy'::regclass, pg_policy.oid, 0
      from pg_catalog.pg_policy
      where pg_policy.polrelid in (select relations.oid from relations)
      union all
      select 'pg_catalog.pg_trigger'::regclass, pg_trigger.oid, 0
      from pg_catalog.pg_trigger
      where pg_trigger.tgrelid in (select relations.oid from relations)
        and not pg_trigger.tgisinternal
        and pg_trigger.tgname <> 'monitoring_records_answers'
      union all
      select 'pg_catalog.pg_type'::regclass, pg_type.oid, 0
      from pg_catalog.pg_type
      join pg_catalog.pg_namespace on pg_namespace.oid = pg_type.typnamespace
      where pg_type.typtype in ('e', 'd', 'r')
        and pg_type.typname <> 'text/csv'
        and not exists (select from own where (own.schema, own.name) = (pg_namespace.nspname, pg_type.typname))
      union all
      select 'pg_catalog.pg_proc'::regclass, pg_proc.oid, 0
      from pg_catalog.pg_proc
      join pg_catalog.pg_namespace on pg_namespace.oid = pg_proc.pronamespace
      where not exists (
        select
        from own
        where (own.schema, own.kind, own.name) = (pg_namespace.nspname, 'function', pg_proc.proname)
      )
    )
    select array_agg(pg_describe_object(others.catalog, others.oid, others.part))
    from others
  $query$;
  v_own jsonb;
  v_drops text[];
  v_drop text;
  v_before text[];
  v_lost text[];
  v_jobs bigint[] := '{}';
  v_found record;
  v_report text[] := '{}';
begin
  perform set_config('search_path', '', true);
  perform set_config('client_min_messages', 'warning', true);
  perform set_config('lock_timeout', '30s', true);
  if to_regprocedure('monitoring.list_own_objects()') is null then
    perform set_config('monitoring.uninstall_report', '["nothing: the monitoring agent is not installed"]', false);
    return;
  end if;
  execute 'select jsonb_agg(to_jsonb(own)) from monitoring.list_own_objects() as own' into v_own;

  -- Relations first: functions that take their rows go with them. Types are last, because both use them.
  select array_agg(ours.statement order by ours.rank, ours.statement)
  into v_drops
  from (
    select
      1 as rank,
      format(
        'drop %s if exists %I.%I cascade',
        case pg_class.relkind when 'v' then 'view' when 'S' then 'sequence' else 'table' end, own.schema, own.name
      ) as statement
    from jsonb_to_recordset(v_own) as own (schema text, kind text, name text)
    join pg_catalog.pg_class on pg_class.relname = own.name and pg_class.relnamespace = to_regnamespace(own.schema)
    where own.kind = 'relation'
    union all
    select 2, format('drop function if exists %s cascade', pg_proc.oid::regprocedure)
    from jsonb_to_recordset(v_own) as own (schema text, kind text, name text)
    join pg_catalog.pg_proc on pg_proc.proname = own.name and pg_proc.pronamespace = to_regnamespace(own.schema)
    where own.kind = 'function'
    union all
    select 3, format('drop type if exists %I.%I cascade', own.schema, own.name)
    from jsonb_to_recordset(v_own) as own (schema text, kind text, name text)
    where own.kind = 'type'
      and to_regtype(format('%I.%I', own.schema, own.name)) is not null
  ) as ours;
  if to_regclass('cron.job') is not null then
    execute $jobs$
    select coalesce(array_agg(job.jobid), '{}')
    from cron.job
    where job.jobname in (select own.name from jsonb_to_recordset($1) as own (kind text, name text) where own.kind = 'job')
    $jobs$
    into v_jobs
    using v_own;
  end if;

  if coalesce(current_setting('monitoring.confirm_uninstall', true), '') <> 'yes' then
    v_report := array['nothing was removed: put the line set monitoring.confirm_uninstall = ''yes''; in front']
    || format('would remove %s scheduled jobs', cardinality(v_jobs))
    || v_drops;
    perform set_config('monitoring.uninstall_report', to_jsonb(v_report)::text, false);
    return;
  end if;
  perform set_config('monitoring.confirm_uninstall', '', false);

  -- A function of ours has one version: another one of the same name belongs to somebody else.
  for v_found in
    select pg_proc.pronamespace::regnamespace as schema, pg_proc.proname as name
    from jsonb_to_recordset(v_own) as own (schema text, kind text, name text)
    join pg_catalog.pg_proc on pg_proc.proname = own.name and pg_proc.pronamespace = to_regnamespace(own.schema)
    where own.kind = 'function'
    group by 1, 2
    having count(*) > 1
  loop
    raise exception using
      errcode = 'ambiguous_function',
      message = format('nothing was removed: %s.%s has several versions', v_found.schema, v_found.name),
      hint = 'Rename or drop the one that you created, then run this again.';
  end loop;

  execute c_others into v_before using v_own;
  for v_found in
    select jobs.id
    from unnest(v_jobs) as jobs (id)
  loop
    perform cron.unschedule(v_found.id);
  end loop;
  v_report := v_report || format('removed %s scheduled jobs', cardinality(v_jobs));
  -- The trigger on net._http_response goes with its function: only the owner of the table could drop it by itself.
  foreach v_drop in array v_drops loop
    execute v_drop;
  end loop;
  v_report := v_report || format('removed %s tables, views, functions and types', cardinality(v_drops));
  execute format(
    'select array(select unnest($2) except select unnest(others.found) from (%s) as others (found) order by 1)', c_others
  )
  into v_lost
  using v_own, v_before;
  if v_lost <> '{}' then
    raise exception using
      errcode = 'dependent_objects_still_exist',
      message = format(
        'nothing was removed: objects of yours need those of the monitoring agent: %s', array_to_string(v_lost, ', ')
      ),
      hint = 'Drop or change them, then run this again.';
  end if;

  begin
    if obj_description('public'::regnamespace, 'pg_namespace') like 'Autonomous monitoring agent%' then
      comment on schema public is 'standard public schema';
    end if;
  exception
    when insufficient_privilege then
      v_report := v_report || 'left the comment of the schema public'::text;
  end;
  begin
    if obj_description(to_regtype('public."text/csv"'), 'pg_type') like '%the monitoring agent%' then
      drop domain public."text/csv";
    end if;
  exception
    when dependent_objects_still_exist then
      v_report := v_report || 'left the type public."text/csv": functions of yours use it'::text;
  end;
  if obj_description(to_regnamespace('monitoring'), 'pg_namespace') like '%of the monitoring agent. Closed:%' then
    begin
      drop schema monitoring;
      v_report := v_report || 'removed the schema monitoring'::text;
    exception
      when dependent_objects_still_exist then
        v_report := v_report || 'left the schema monitoring: it contains objects of yours'::text;
    end;
  else
    v_report := v_report || 'left the schema monitoring: it was there before'::text;
  end if;
  -- The privilege that revoke_temporary() revokes.
  if not exists (
    select
    from pg_catalog.pg_database
    cross join aclexplode(coalesce(pg_database.datacl, acldefault('d', pg_database.datdba))) as entry
    where pg_database.datname = current_database()
      and entry.grantee = 0
      and entry.privilege_type = 'TEMPORARY'
  ) then
    execute format('grant temporary on database %I to public', current_database());
    v_report := v_report || 'granted TEMPORARY on the database to PUBLIC, which is the default of PostgreSQL'::text;
  end if;
  if to_regclass('supabase_migrations.schema_migrations') is not null then
    execute $migrations$
    with removed as (
      delete from supabase_migrations.schema_migrations
      where schema_migrations.version like '20261123%'
        and split_part(schema_migrations.name, '_', 1) in (
          'setup', 'config', 'table', 'sanitize', 'classify', 'ingest', 'delivery', 'sentry', 'monitor', 'incident',
          'agent', 'probe', 'heartbeat', 'notify', 'read', 'retention', 'jobs', 'look', 'install'
        )
      returning schema_migrations.version
    )

    select format('removed %s rows of supabase_migrations.schema_migrations', count(*))
    from removed
    $migrations$
    into v_drop;
    v_report := v_report || v_drop;
  end if;
  begin
    if v_jobs <> '{}' then
      execute 'delete from cron.job_run_details where job_run_details.jobid = any($1)' using v_jobs;
    end if;
  exception
    when insufficient_privilege then
      v_report := v_report || 'left the log of the jobs in cron.job_run_details: it needs another role'::text;
  end;

  if to_regclass('vault.secrets') is not null then
    execute $vault$
    select 'left the secret embeddings_api_key in the Vault: delete it there if nothing else uses it'
    from vault.secrets
    where secrets.name = 'embeddings_api_key'
    $vault$
    into v_drop;
    v_report := v_report || array_remove(array[v_drop], null);
  end if;
  v_report := v_report || array(
    select format('left the extension %s: others may use it', pg_extension.extname)
    from pg_catalog.pg_extension
    where pg_extension.extname in ('vector', 'pg_cron', 'pg_net')
    order by pg_extension.extname
  );
  perform set_config('monitoring.uninstall_report', to_jsonb(v_report)::text, false);
end
$uninstall$;

select report.line as result
from
  jsonb_array_elements_text(current_setting('monitoring.uninstall_report')::jsonb)
  with ordinality as report (line, position)
order by report.position;
