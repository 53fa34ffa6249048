begin;

select plan(2);

-- Reports some errors, whose keys begin with a text.
create function pg_temp.report(prefix text, errors integer, fields jsonb default '{}')
returns bigint
language sql
as $$
  select count(*)
  from jsonb_array_elements(
    public.ingest_events((
      select
        jsonb_agg(
          jsonb_build_object(
            'error', jsonb_build_object('message', 'tap: the export failed'),
            'idempotency_key', report.prefix || number
          ) || report.fields
        )
      from generate_series(1, report.errors) as number
    ))
  ) as answers (answer)
  where answers.answer @> '{"success": true}'
$$;

create function pg_temp.read_by_scans()
returns bigint
language sql
as $$
  select seq_tup_read from pg_stat_xact_user_tables where relid = 'monitoring.event_receipts'::regclass
$$;

-- Plans are made while the table is small, and kept.
delete from monitoring.event_receipts;

analyze monitoring.event_receipts;

select
  sum(pg_temp.report(format('early %s ', number), 2)) as several,
  sum(pg_temp.report(format('alone %s ', number), 1)) as alone,
  sum(pg_temp.report(format('over %s ', number), 1, '{"status": "resolved"}')) as over
from generate_series(1, 10) as number;

insert into monitoring.event_receipts (idempotency_key, answer)
select
  'tap ' || number as idempotency_key,
  '{}' as answer
from generate_series(1, 5000) as number;

create temporary table before as
select pg_temp.read_by_scans() as rows_read;

select is(
  array[
    pg_temp.report('late ', 30), pg_temp.report('late ', 30), pg_temp.report('early 3 ', 2),
    pg_temp.report('late alone ', 1), pg_temp.report('late alone ', 1),
    pg_temp.report('late over ', 1, '{"status": "resolved"}'), pg_temp.report('late over ', 1, '{"status": "resolved"}')
  ],
  array[30, 30, 2, 1, 1, 1, 1]::bigint[],
  'keys are stored, and known when they are sent again'
);

select is(
  pg_temp.read_by_scans() - (select rows_read from before), 0::bigint,
  'although there are many receipts, none is read but those of the keys'
);

select * from finish();

rollback;
