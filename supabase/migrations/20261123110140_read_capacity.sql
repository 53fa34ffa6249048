-- Purpose: says how large the installation is, how fast it grows, and which number ends which stage.
-- Objects: functions monitoring.measure_table, monitoring.list_growing_tables, monitoring.project_tables,
--   monitoring.measure_load, public.capacity.
-- Risks: sizes and numbers of rows are those that PostgreSQL keeps in its catalog, and paces are averages since the
--   oldest row, so nothing that grows is read as a whole, and the figures are estimates.

create function monitoring.measure_table(
  relation regclass, out row_count double precision, out bytes double precision
)
language sql
stable
security invoker
set search_path = ''
as $$
  select
    coalesce(sum(greatest(pg_class.reltuples::double precision, pg_stat_get_live_tuples(pg_class.oid))), 0),
    coalesce(sum(pg_total_relation_size(pg_class.oid)), 0)
  from (
    select measure_table.relation as leaf
    union
    select partitions.relid
    from pg_partition_tree(measure_table.relation) as partitions
  ) as leaves
  join pg_catalog.pg_class on pg_class.oid = leaves.leaf
  -- A partitioned table counts the rows of its partitions once more.
  where pg_class.relkind = 'r'
$$;

comment on function monitoring.measure_table(regclass) is
'Returns the estimated number of rows of a table and its size in bytes with indexes, both with its partitions. Reads the
catalog only.';

create function monitoring.list_growing_tables()
returns table (
  name text, relation regclass, oldest timestamptz, kept_days double precision, rows_a_day double precision
)
language plpgsql
stable
security invoker
set search_path = ''
as $$
declare
  v_retention jsonb := monitoring.config('retention');
  v_targets bigint;
  v_checks_a_day double precision;
begin
  select
    count(*),
    -- A heartbeat has a row a minute.
    coalesce(sum(1440.0 / case when targets.type = 'heartbeat' then 1 else targets.interval_minutes end), 0)
      ::double precision
  into v_targets, v_checks_a_day
  from monitoring.probe_targets as targets
  where targets.is_enabled;

  return query
  select
    growing.name, growing.name::regclass, growing.oldest,
    (v_retention ->> growing.field)::double precision / case when growing.field = 'receipts_hours' then 24 else 1 end,
    growing.rows_a_day
  from (
    values
    (
      'public.monitoring_checks', 'monitoring_checks_days', v_checks_a_day,
      (select min(monitoring_checks.scheduled_at) from public.monitoring_checks)
    ),
    (
      'monitoring.target_hourly_stats', 'target_history_days', 24.0 * v_targets,
      null::timestamptz
    ),
    ('monitoring.target_daily_stats', 'target_history_days', 1.0 * v_targets, null),
    ('public.incidents', 'incidents_days', null, (select min(incidents.first_seen) from public.incidents)),
    (
      'monitoring.incident_hours', 'incident_hours_days', null,
      (select min(incident_hours.hour) from monitoring.incident_hours)
    ),
    -- Each report has a key, of its sender or of the service.
    (
      'monitoring.event_receipts', 'receipts_hours', null,
      (select min(event_receipts.created_at) from monitoring.event_receipts)
    ),
    (
      'public.agent_actions', 'agent_actions_days', null,
      (select min(agent_actions.created_at) from public.agent_actions)
    ),
    (
      'monitoring.audit_anchor_heads', 'agent_actions_days', null,
      (
        select audit_anchors.anchored_at from monitoring.audit_anchors
        order by audit_anchors.anchored_on
        limit 1
      )
    ),
    (
      'monitoring.notifications', 'notifications_days', null,
      (select min(notifications.created_at) from monitoring.notifications)
    ),
    (
      'monitoring.deliveries', 'deliveries_days', null,
      (select min(deliveries.received_at) from monitoring.deliveries)
    ),
    (
      'public.security_events', 'security_events_days', null,
      (select min(security_events.created_at) from public.security_events)
    ),
    (
      'public.email_tracking', 'emails_days', null,
      (select min(email_tracking.created_at) from public.email_tracking)
    ),
    (
      'public.deployment_history', 'deployments_days', null,
      (select min(deployment_history.started_at) from public.deployment_history)
    ),
    (
      'public.error_knowledge', 'kept for ever', null,
      (select error_knowledge.created_at from public.error_knowledge order by error_knowledge.id limit 1)
    )
  ) as growing (name, field, rows_a_day, oldest);

  if to_regclass('cron.job_run_details') is not null then
    return query
    select
      'cron.job_run_details', 'cron.job_run_details'::regclass,
      (select runs.start_time from cron.job_run_details as runs order by runs.runid limit 1),
      (v_retention ->> 'job_runs_days')::double precision, null::double precision;
  end if;
end
$$;

comment on function monitoring.list_growing_tables() is
'Returns the tables that grow with use: the time of their oldest row, the days that their rows are kept (null: for
ever), and, where the configuration decides it, how many rows a day they get. The others get what they got on average
since their oldest row.';

create function monitoring.project_tables()
returns table (
  name text, row_count double precision, megabytes double precision, rows_a_day double precision,
  megabytes_a_day double precision, kept_days double precision, age_days double precision
)
language sql
stable
security invoker
set search_path = ''
as $$
  select
    paced.name, paced.row_count, paced.bytes / 1e6, paced.rows_a_day,
    -- Of a table that is nearly empty, the size is that of its indexes' first pages.
    paced.rows_a_day * case when paced.row_count >= 1000 then paced.bytes / paced.row_count else 500 end / 1e6,
    paced.kept_days,
    least(
      coalesce(paced.age_days, paced.row_count / nullif(paced.rows_a_day, 0), 0), paced.kept_days
    )
  from (
    select
      aged.name, aged.row_count, aged.bytes, aged.kept_days, aged.age_days,
      -- The rows of the first hours say little about a day.
      coalesce(aged.configured, aged.row_count / greatest(aged.age_days, 1), 0) as rows_a_day
    from (
      select
        growing.name, measured.row_count, measured.bytes, growing.kept_days, growing.rows_a_day as configured,
        extract(epoch from now() - growing.oldest)::double precision / 86400 as age_days
      from monitoring.list_growing_tables() as growing
      cross join lateral monitoring.measure_table(growing.relation) as measured
    ) as aged
  ) as paced
$$;

comment on function monitoring.project_tables() is
'Returns size and growth of each table that grows, in rows and millions of bytes with indexes. kept_days is null for
what is kept for ever; from the age of kept_days on, a table does not grow any more.';

create function monitoring.measure_load()
returns table (measure text, value double precision, unit text, ends_at double precision, sentence text)
language plpgsql
stable
security invoker
set search_path = ''
as $$
declare
  -- Reports a second that one service of two cores stores when all are distinct errors; see docs/benchmarks.md.
  c_reports constant double precision := 1000::double precision;
  v_hour constant timestamptz := date_trunc('hour', now(), 'UTC') - interval '1 hour';
  v_batch double precision := coalesce(nullif(current_setting('pg_net.batch_size', true), ''), '200')::double precision;
  v_slowest double precision;
begin
  -- A batch ends with its slowest request, and the next one begins after a second. Slow targets are sent apart.
  v_slowest := coalesce(
    (
      select max(target_states.last_response_time_ms)
      from monitoring.target_states
      where not target_states.is_slow
    ), 0
  ) / 1000::double precision;
  return query
  select
    'probes', coalesce(sum(1.0 / targets.interval_minutes), 0)::double precision, 'a minute',
    v_batch * 60 / (1 + v_slowest),
    format(
      '%s targets are probed. pg_net sends %s at a time, and the slowest that is not sent apart takes %s s. Beyond the '
      'limit, raise pg_net.batch_size or interval_minutes, or probe from a second project.',
      count(*), v_batch, round(v_slowest::numeric, 1)
    )
  from monitoring.probe_targets as targets
  where targets.is_enabled and targets.type <> 'heartbeat';

  return query
  select
    'reports', coalesce(sum(counted.occurrences), 0)::double precision / 3600, 'a second', c_reports,
    case when count(*) = 10000 then 'At least; more incidents than are counted were active in the last full hour. '
      else 'Occurrences of the last full hour. ' end
    || 'Beyond the limit, run a second instance of the service, then give the database more cores.'
  from (
    select incident_hours.occurrences
    from monitoring.incident_hours
    where incident_hours.hour = v_hour
    limit 10000
  ) as counted;

  return query
  select
    'connections', count(*)::double precision, 'sessions', current_setting('max_connections')::double precision,
    'Sessions of clients, now. Each PostgREST and each job needs some; instances of the service share PostgREST''s.'
  from pg_catalog.pg_stat_activity
  where pg_stat_activity.backend_type = 'client backend';
end
$$;

comment on function monitoring.measure_load() is
'Returns what happens now and the value at which another arrangement is needed: probes a minute, reports a second,
sessions.';

create function public.capacity(size_gb numeric default 8)
returns table (
  measure text, value numeric, unit text, ends_at numeric, rows_a_day numeric, mb_a_day numeric, mb_at_most numeric,
  days_left numeric, sentence text
)
language plpgsql
stable
security definer
set search_path = ''
as $$
#variable_conflict use_column
declare
  v_size double precision := (pg_database_size(current_database()) / 1e6)::double precision;
  v_limit double precision := (capacity.size_gb * 1000)::double precision;
  v_days integer;
begin
  if coalesce(capacity.size_gb, 0) <= 0 then
    perform monitoring.refuse_request(
      'PT400', 'size_gb must be above 0', 'size_gb', 'Send the size of the disk in gigabytes, such as 8.'
    );
  end if;
  return query
  select
    loads.measure, round(loads.value::numeric, 2), loads.unit, round(loads.ends_at::numeric), null::numeric,
    null::numeric, null::numeric, null::numeric, loads.sentence
  from monitoring.measure_load() as loads;

  return query
  select
    tables.name, round(tables.megabytes::numeric, 1), 'MB', null::numeric, round(tables.rows_a_day::numeric),
    round(tables.megabytes_a_day::numeric, 2), round((tables.megabytes_a_day * tables.kept_days)::numeric, 1),
    null::numeric,
    format(
      '%s rows, %s.', round(tables.row_count::numeric),
      coalesce('kept for ' || tables.kept_days || ' days', 'kept for ever')
    )
  from monitoring.project_tables() as tables
  order by tables.megabytes desc, tables.name;

  -- The first day on which what grows until then fills the disk.
  select min(days.later)
  into v_days
  from generate_series(0, 3650) as days (later)
  where v_limit <= v_size + (
    select sum(
      tables.megabytes_a_day * greatest(
        least(days.later::double precision, coalesce(tables.kept_days - tables.age_days, days.later)), 0
      )
    )
    from monitoring.project_tables() as tables
  );
  return query
  select
    'database', round(v_size::numeric, 1), 'MB', round(v_limit::numeric), round(sum(tables.rows_a_day)::numeric),
    round(sum(tables.megabytes_a_day)::numeric, 2),
    case
      when count(*) filter (where tables.kept_days is null and tables.rows_a_day >= 1) = 0
        then round(
          (v_size + sum(tables.megabytes_a_day * greatest(tables.kept_days - tables.age_days, 0)))::numeric, 1
        )
    end,
    v_days::numeric,
    case
      when v_days is null then 'At this pace, 10 years do not fill it.'
      else 'At this pace, it is full then. Keep less (system_config.retention), or enlarge the disk.'
    end
  from monitoring.project_tables() as tables;
end
$$;

revoke all on function public.capacity(numeric) from public, anon, authenticated, service_role;

grant execute on function public.capacity(numeric) to service_role;

comment on function public.capacity(numeric) is
'Returns how large the installation is, how fast it grows, and which number ends which stage.

A row for each of probes, reports and connections: value is what happens now, ends_at where more of it needs another
arrangement (docs/scale.md). A row for each table that grows: value is its size with indexes, mb_at_most its size when it
is as old as its rows are kept (null: they are kept for ever). The last row is the database: days_left until it has
size_gb gigabytes (null: more than ten years). MB are millions of bytes. Figures are estimates from the configuration,
the catalog and the age of the oldest rows; nothing that grows is read as a whole. 400 for a size that is not above 0.
Security definer, because no role of the API may read the tables of the schema monitoring.';
