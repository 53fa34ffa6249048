begin;

select plan(2);

-- A quiet year: the statistics say that an hour has one row.
delete from monitoring.incident_hours;

insert into public.incidents (id, fingerprint, title, message, severity, category, rule, first_seen, last_seen)
values ('INC-tap', 'tap hours', 't', 'm', 'LOW', 'backend', 'r', now() - interval '1 year', now());

insert into monitoring.incident_hours (incident_id, hour, environment, release, occurrences, first_seen, last_seen)
select
  'INC-tap' as incident_id,
  hour,
  '' as environment,
  '' as release,
  1 as occurrences,
  hour as first_seen,
  hour as last_seen
from generate_series(
  date_trunc('hour', now(), 'UTC') - interval '2000 hours', date_trunc('hour', now(), 'UTC') - interval '1 hour',
  interval '1 hour'
) as hours (hour);

analyze monitoring.incident_hours;

update public.system_config
set value = value || '{"new_incidents_per_minute": 10000}'
where key = 'rate_limits';

create function pg_temp.report(first integer, last integer)
returns bigint
language sql
as $$
  select count(*)
  from jsonb_array_elements(
    public.ingest_events((
      select
        jsonb_agg(jsonb_build_object('error', jsonb_build_object('message', 'm'), 'fingerprint', 'tap hour ' || number))
      from generate_series(report.first, report.last) as number
    ))
  ) as answers (answer)
  where answers.answer @> '{"success": true}'
$$;

create function pg_temp.rows_read()
returns bigint
language sql
as $$
  select seq_tup_read + coalesce(idx_tup_fetch, 0)
  from pg_stat_xact_user_tables where relid = 'monitoring.incident_hours'::regclass
$$;

-- A flood in the current hour.
select pg_temp.report(1, 500) as stored;

create temporary table before as
select pg_temp.rows_read() as rows_read;

select is(
  array[pg_temp.report(501, 520), pg_temp.report(1, 1), pg_temp.report(521, 521)], array[20, 1, 1]::bigint[],
  'errors of the hour are stored'
);

select cmp_ok(
  pg_temp.rows_read() - (select rows_read from before), '<', 100::bigint,
  'each reads the rows of its own incident, not all of the hour'
);

select * from finish();

rollback;
