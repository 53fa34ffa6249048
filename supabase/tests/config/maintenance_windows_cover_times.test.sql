begin;

select plan(8);

update public.system_config
set value = '[
  {"name": "shop", "type": "other", "url": "https://shop.example"},
  {"name": "api", "type": "other", "url": "https://api.example"}
]'
where key = 'health_check_targets';

-- Returns the times that are in the window.
create function pg_temp.list_covered(item jsonb, moments timestamptz[]) returns setof timestamptz
language plpgsql
as $$
begin
  update public.system_config
  set value = jsonb_build_object('maintenance_windows', jsonb_build_array(list_covered.item))
  where key = 'health_check_policy';

  return query
  select given.moment
  from unnest(list_covered.moments) as given (moment)
  where monitoring.is_in_maintenance('shop', given.moment);
end
$$;

select ok(not monitoring.is_in_maintenance('shop', now()), 'without windows there is no maintenance');

select results_eq(
  $$ select pg_temp.list_covered('{"starts_at": "2026-05-01T22:00", "ends_at": "2026-05-02T02:00"}', array[
       '2026-05-01 21:59:59+00', '2026-05-01 22:00+00', '2026-05-02 01:59:59+00', '2026-05-02 02:00+00',
       '2026-05-08 23:00+00'
     ]::timestamptz[]) $$,
  $$ values ('2026-05-01 22:00+00'::timestamptz), ('2026-05-02 01:59:59+00') $$,
  'a one-time window includes its start and excludes its end'
);

-- 2026-05-04 is a Monday.
select results_eq(
  $$ select pg_temp.list_covered('{"days": ["mon", "wed"], "from": "09:00", "to": "10:00"}', array[
       '2026-05-04 08:59:59+00', '2026-05-04 09:00+00', '2026-05-04 10:00+00', '2026-05-05 09:30+00',
       '2026-05-06 09:59:59+00', '2026-05-11 09:00+00'
     ]::timestamptz[]) $$,
  $$ values ('2026-05-04 09:00+00'::timestamptz), ('2026-05-06 09:59:59+00'), ('2026-05-11 09:00+00') $$,
  'a weekly window covers its days'
);

select results_eq(
  $$ select pg_temp.list_covered('{"days": ["mon"], "from": "23:00", "to": "01:00"}', array[
       '2026-05-04 00:30+00', '2026-05-04 22:59+00', '2026-05-04 23:00+00', '2026-05-05 00:59:59+00',
       '2026-05-05 01:00+00', '2026-05-05 23:30+00'
     ]::timestamptz[]) $$,
  $$ values ('2026-05-04 23:00+00'::timestamptz), ('2026-05-05 00:59:59+00') $$,
  'a window over midnight ends on the next day'
);

select results_eq(
  $$ select pg_temp.list_covered('{"days": ["sun"], "from": "00:00", "to": "00:00"}', array[
       '2026-05-09 23:59+00', '2026-05-10 00:00+00', '2026-05-10 23:59+00', '2026-05-11 00:00+00'
     ]::timestamptz[]) $$,
  $$ values ('2026-05-10 00:00+00'::timestamptz), ('2026-05-10 23:59+00') $$,
  'a window with equal start and end covers 24 hours'
);

-- In Berlin, daylight saving time begins on 2026-03-29.
select results_eq(
  $$ select pg_temp.list_covered(
       '{"days": ["sat", "mon"], "from": "03:00", "to": "04:00", "timezone": "Europe/Berlin"}', array[
       '2026-03-28 01:30+00', '2026-03-28 02:30+00', '2026-03-30 01:30+00', '2026-03-30 02:30+00'
     ]::timestamptz[]) $$,
  $$ values ('2026-03-28 02:30+00'::timestamptz), ('2026-03-30 01:30+00') $$,
  'times are in the timezone of the window, with daylight saving time'
);

select results_eq(
  $$ select pg_temp.list_covered('{"days": ["mon"], "from": "08:00", "to": "09:00", "timezone": "Asia/Tokyo"}', array[
       '2026-05-03 23:30+00', '2026-05-04 23:30+00'
     ]::timestamptz[]) $$,
  $$ values ('2026-05-03 23:30+00'::timestamptz) $$,
  'days are in the timezone of the window'
);

update public.system_config
set value = '{"maintenance_windows": [
  {"starts_at": "2026-05-01T00:00", "ends_at": "2026-05-02T00:00", "targets": ["shop", "api"]},
  {"starts_at": "2026-05-01T12:00", "ends_at": "2026-05-02T00:00"}
]}'
where key = 'health_check_policy';

select results_eq(
  $$ select monitoring.is_in_maintenance(target, moment)
     from unnest(
       array['shop', 'other', 'other'],
       array['2026-05-01 11:00+00', '2026-05-01 11:00+00', '2026-05-01 13:00+00']::timestamptz[]
     ) as given (target, moment) $$,
  $$ values (true), (false), (true) $$,
  'a window applies to its targets, or to all targets without a list'
);

select * from finish();

rollback;
