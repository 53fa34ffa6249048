begin;

select plan(9);

update public.system_config
set value = '[{"name": "shop", "type": "other", "url": "https://shop.example"}]'
where key = 'health_check_targets';

create function pg_temp.write_windows(windows jsonb) returns void
language sql
as $$
  update public.system_config
  set value = jsonb_build_object('maintenance_windows', write_windows.windows)
  where key = 'health_check_policy'
$$;

-- Returns when the window is, in UTC.
create function pg_temp.expand(item jsonb, since timestamptz, until timestamptz) returns table (starts_at text, ends_at text)
language plpgsql
as $$
begin
  perform pg_temp.write_windows(jsonb_build_array(expand.item));
  return query
  select
    to_char(windows.starts_at at time zone 'UTC', 'MM-DD HH24:MI'),
    to_char(windows.ends_at at time zone 'UTC', 'MM-DD HH24:MI')
  from monitoring.list_maintenance(expand.since, expand.until) as windows
  order by windows.starts_at;
end
$$;

-- Returns the quarters of an hour of four days for which the expanded windows and is_in_maintenance() differ.
create function pg_temp.count_differences(timezone text, day date) returns bigint
language plpgsql
as $$
declare
  v_item jsonb;
  v_since timestamptz := (count_differences.day - 2)::timestamp at time zone 'UTC';
  v_until timestamptz := (count_differences.day + 2)::timestamp at time zone 'UTC';
  v_differences bigint := 0;
begin
  foreach v_item in array array[
    '{"from": "02:15", "to": "02:45"}', '{"from": "01:30", "to": "02:30"}', '{"from": "23:30", "to": "00:30"}',
    '{"from": "12:00", "to": "12:00"}', '{"from": "00:00", "to": "00:15"}'
  ]::jsonb[] loop
    perform pg_temp.write_windows(
      jsonb_build_array(
        v_item || jsonb_build_object('days', '["sun", "fri"]'::jsonb, 'timezone', count_differences.timezone)
      )
    );
    v_differences := v_differences + (
      select count(*)
      from generate_series(v_since, v_until - interval '15 minutes', interval '15 minutes') as series (moment)
      where monitoring.is_in_maintenance('shop', series.moment) <> exists (
        select
        from monitoring.list_maintenance(v_since, v_until) as windows
        where series.moment >= windows.starts_at
          and series.moment < windows.ends_at
      )
    );
  end loop;
  return v_differences;
end
$$;

select results_eq(
  $$ select starts_at, ends_at from pg_temp.expand(
       '{"starts_at": "2026-05-01T22:00", "ends_at": "2026-05-02T02:00", "timezone": "Asia/Tokyo"}',
       '2026-05-01 00:00+00', '2026-05-10 00:00+00'
     ) $$,
  $$ values ('05-01 13:00', '05-01 17:00') $$,
  'a one-time window is in its own timezone'
);

-- 2026-05-04 is a Monday.
select results_eq(
  $$ select starts_at, ends_at from pg_temp.expand(
       '{"days": ["mon", "wed"], "from": "09:00", "to": "10:00"}', '2026-05-04 09:30+00', '2026-05-13 09:00+00'
     ) $$,
  $$ values ('05-04 09:00', '05-04 10:00'), ('05-06 09:00', '05-06 10:00'), ('05-11 09:00', '05-11 10:00') $$,
  'a weekly window is there for each of its days, from the one in progress'
);

select results_eq(
  $$ select starts_at, ends_at from pg_temp.expand(
       '{"days": ["sat"], "from": "22:00", "to": "02:00", "timezone": "America/New_York"}',
       '2026-05-10 03:00+00', '2026-05-17 02:00:01+00'
     ) $$,
  $$ values ('05-10 02:00', '05-10 06:00'), ('05-17 02:00', '05-17 06:00') $$,
  'days are those of the timezone, and a window over midnight ends on the next day'
);

select results_eq(
  $$ select starts_at, ends_at from pg_temp.expand(
       '{"starts_at": "2026-05-01T00:00", "ends_at": "2026-05-02T00:00"}', '2026-05-02 00:00+00', '2026-05-03 00:00+00'
     )
     union all
     select starts_at, ends_at from pg_temp.expand(
       '{"days": ["mon"], "from": "09:00", "to": "10:00"}', '2026-05-04 10:00+00', '2026-05-11 09:00+00'
     ) $$,
  $$ select 'a', 'b' where false $$,
  'neither what has ended is there, nor what begins with the end of the time'
);

-- In Berlin, the hour from 02:00 is left out on 2026-03-29 and comes twice on 2026-10-25.
select results_eq(
  $$ select starts_at, ends_at from pg_temp.expand(
       '{"days": ["sat", "sun", "mon"], "from": "02:15", "to": "02:45", "timezone": "Europe/Berlin"}',
       '2026-03-28 00:00+00', '2026-03-31 00:00+00'
     ) $$,
  $$ values ('03-28 01:15', '03-28 01:45'), ('03-30 00:15', '03-30 00:45') $$,
  'a window in the hour that daylight saving time leaves out is not there'
);

select results_eq(
  $$ select starts_at, ends_at from pg_temp.expand(
       '{"days": ["sun"], "from": "01:30", "to": "02:30", "timezone": "Europe/Berlin"}',
       '2026-10-24 00:00+00', '2026-10-27 00:00+00'
     ) $$,
  $$ values ('10-24 23:30', '10-25 00:30'), ('10-25 01:00', '10-25 01:30') $$,
  'and one in the hour that comes twice is there twice'
);

-- The clocks never show the time at which the second one starts, which is read as 03:30, after its end.
select results_eq(
  $$ select starts_at, ends_at from pg_temp.expand(
       '{"starts_at": "2026-03-29T02:30", "ends_at": "2026-03-29T03:45", "timezone": "Europe/Berlin"}',
       '2026-03-28 00:00+00', '2026-03-31 00:00+00'
     )
     union all
     select starts_at, ends_at from pg_temp.expand(
       '{"starts_at": "2026-03-29T02:30", "ends_at": "2026-03-29T03:00", "timezone": "Europe/Berlin"}',
       '2026-03-28 00:00+00', '2026-03-31 00:00+00'
     ) $$,
  $$ values ('03-29 01:30', '03-29 01:45') $$,
  'a one-time window that the clocks leave out is not there'
);

select is(
  (
    select sum(pg_temp.count_differences(changes.timezone, changes.day))
    from (
      values
      ('Europe/Berlin', '2026-03-29'::date), ('Europe/Berlin', '2026-10-25'), ('America/New_York', '2026-03-08'),
      ('Australia/Lord_Howe', '2026-04-05'), ('Australia/Lord_Howe', '2026-10-04'), ('America/Santiago', '2026-04-05'),
      ('America/Santiago', '2026-09-06'), ('Africa/Cairo', '2026-04-24'), ('Asia/Kathmandu', '2026-05-03')
    ) as changes (timezone, day)
  ), 0::numeric,
  'is_in_maintenance() says the same of each moment, also when the clocks change'
);

select pg_temp.write_windows('[
  {"days": ["mon"], "from": "09:00", "to": "10:00", "targets": ["shop"], "reason": "new disks"},
  {"starts_at": "2026-05-04T08:00", "ends_at": "2026-05-04T09:00", "targets": ["shop"], "muted_by": "ann"}
]');

select results_eq(
  $$ select place, targets, reason, is_mute
     from monitoring.list_maintenance('2026-05-04 00:00+00', '2026-05-05 00:00+00')
     order by place $$,
  $$ values (1, array['shop'], 'new disks', false), (2, array['shop'], null, true) $$,
  'a window has its place in the list, its targets and its reason, and mutes are told apart'
);

select * from finish();

rollback;
