begin;

select plan(8);

update public.incidents
set fingerprint = id
where fingerprint = 'health-check:partitions';

create function monitoring.test_incident()
returns text
language sql
set search_path = ''
as $$
  select string_agg(incidents.severity || ' ' || incidents.status || ' ' || incidents.occurrence_count, ', ')
  from public.incidents
  where incidents.fingerprint = 'health-check:partitions'
$$;

create function monitoring.test_drop(since timestamptz)
returns void
language plpgsql
set search_path = ''
as $$
declare
  v_name text;
begin
  for v_name in
    select partitions.name
    from monitoring.list_check_partitions() as partitions
    where partitions.since >= test_drop.since
  loop
    execute format('drop table monitoring.%I', v_name);
  end loop;
end
$$;

select is(monitoring.watch_partitions(), 'quiet', 'with partitions for weeks, all is well');

-- The partitions end within a week.
select monitoring.test_drop(date_trunc('week', now(), 'UTC') + interval '7 days');

select is(monitoring.watch_partitions(), 'opened', 'that they end within a week is noticed');

select is(monitoring.watch_partitions() || ' ' || monitoring.test_incident(), 'missing HIGH open 1', 'as one incident');

select is(cardinality(monitoring.make_partitions()), 4, 'the job makes them');

select is(monitoring.watch_partitions() || ' ' || monitoring.test_incident(), 'quiet HIGH resolved 1', 'which resolves it');

select monitoring.test_drop(date_trunc('week', now(), 'UTC'));

select lives_ok(
  $$
    insert into public.monitoring_checks (target, target_type, status, scheduled_at, completed_at)
    values ('api', 'other', 'up', now(), now())
  $$, 'without any partition a check is stored'
);

select is(monitoring.watch_partitions(), 'opened', 'and an incident says that it has none');

select is(
  (select monitoring.make_partitions() is not null and monitoring.watch_partitions() = 'quiet'), true,
  'until the job has moved it'
);

select * from finish();

rollback;
