begin;

select plan(12);

select cmp_ok(
  (
    select count(*) from monitoring.list_check_partitions()
  ), '>=', 5::bigint, 'an installation has the partitions of its week and of four ahead'
);

-- Since midnight on Monday there is a fourth week ahead that the job has not made yet.
select is(
  array_remove(
    monitoring.make_partitions(), to_char((now() + interval '28 days') at time zone 'UTC', '"monitoring_checks_"IYYY"w"IW')
  ), '{}', 'and lacks none but the last after a change of the week'
);

select is(
  (
    select array_agg(since order by since) from monitoring.list_check_partitions()
    where since >= date_trunc('week', now(), 'UTC')
  ),
  array(
    select date_trunc('week', now(), 'UTC') + make_interval(weeks => weeks.number)
    from generate_series(0, 4) as weeks (number)
  ),
  'this week and four ahead, from Monday in UTC'
);

-- As in an installation of this week, however old this one is.
do $$
declare
  v_name text;
begin
  for v_name in
    select name from monitoring.list_check_partitions() where since < date_trunc('week', now(), 'UTC')
  loop
    execute format('drop table monitoring.%I', v_name);
  end loop;
end
$$;

insert into public.monitoring_checks (target, target_type, status, scheduled_at, completed_at, error)
values
('api', 'other', 'up', date_trunc('week', now(), 'UTC') - interval '7 days', now(), 'the first of its week'),
('api', 'other', 'up', date_trunc('week', now(), 'UTC') - interval '1 second', now(), 'the last of its week'),
('api', 'other', 'up', '2020-01-01 10:00+00', now(), 'too old');

select is(
  (
    select count(*) from monitoring.monitoring_checks_default
    where target = 'api'
  ), 3::bigint, 'what has no partition is stored all the same'
);

select is(monitoring.make_partitions(1), '{}', 'a week with more checks than a statement can move is left');

select is(
  monitoring.make_partitions(),
  array[to_char((now() - interval '7 days') at time zone 'UTC', '"monitoring_checks_"IYYY"w"IW')],
  'a week with checks gets its partition, one that is older than the retention none'
);

select results_eq(
  $$ select error from monitoring.monitoring_checks_default where target = 'api' $$,
  $$ values ('too old') $$,
  'the rows are moved into it'
);

select is(
  (
    select count(*) from public.monitoring_checks
    where target = 'api'
  ), 3::bigint, 'and none is lost'
);

select is_empty(
  $$
    select relname
    from pg_class
    where oid in (select inhrelid from pg_inherits where inhparent = 'public.monitoring_checks'::regclass)
      and not (
        relrowsecurity
        and not has_table_privilege('anon', oid, 'select')
        and not has_table_privilege('authenticated', oid, 'select')
        and not has_table_privilege('service_role', oid, 'select')
        and obj_description(oid, 'pg_class') is not null
        and (select count(*) from pg_index where indrelid = pg_class.oid) = 4
      )
  $$,
  'partitions are read through their table alone'
);

select is(
  monitoring.make_partition('2020-12-28 00:00+00'), 'monitoring_checks_2020w53', 'a week has the number of its Thursday''s year'
);

insert into public.monitoring_checks (target, target_type, status, scheduled_at, completed_at)
select
  'api' as target,
  'other' as target_type,
  'up' as status,
  date_trunc('week', now(), 'UTC') - interval '14 days' + make_interval(mins => numbers.number) as scheduled_at,
  now() as completed_at
from generate_series(0, 1000) as numbers (number);

do $$
begin
  execute format(
    'drop table monitoring.%I', (select name from monitoring.list_check_partitions() order by since desc limit 1)
  );
end
$$;

select is(
  monitoring.make_partitions(),
  array[to_char((now() + interval '28 days') at time zone 'UTC', '"monitoring_checks_"IYYY"w"IW')],
  'the partitions ahead come first'
);

select is(
  monitoring.make_partitions(),
  array[to_char((now() - interval '14 days') at time zone 'UTC', '"monitoring_checks_"IYYY"w"IW')],
  'and many checks are moved by a run of their own'
);

select * from finish();

rollback;
