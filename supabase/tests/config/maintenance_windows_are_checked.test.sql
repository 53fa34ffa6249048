begin;

select plan(8);

update public.system_config
set value = '[{"name": "shop", "type": "other", "url": "https://shop.example"}]'
where key = 'health_check_targets';

create function pg_temp.write_window(item jsonb) returns void
language sql
as $$
  update public.system_config
  set value = jsonb_build_object('maintenance_windows', jsonb_build_array(write_window.item))
  where key = 'health_check_policy'
$$;

select lives_ok(
  $$ select pg_temp.write_window('{"starts_at": "2026-05-01T22:00", "ends_at": "2026-05-02 02:00:30",
       "timezone": "Europe/Berlin", "targets": ["shop"], "reason": "move"}') $$,
  'a one-time window is accepted'
);

select lives_ok(
  $$ select pg_temp.write_window('{"days": ["sat", "sun"], "from": "23:00", "to": "01:00", "starts_at": null}') $$,
  'a weekly window over midnight is accepted'
);

select throws_ok(
  $$ select pg_temp.write_window('{"starts_at": "2026-05-01T22:00", "ends_at": "2026-05-01T22:00"}') $$,
  '23514', 'health_check_policy.maintenance_windows[0] ends before it starts',
  'a window that ends before it starts is rejected'
);

select is_empty(
  $$ select item from unnest(array[
       '{}', '{"reason": "none"}', '{"starts_at": "2026-05-01T22:00"}', '{"days": ["mon"], "from": "09:00"}',
       '{"from": "09:00", "to": "10:00"}',
       '{"starts_at": "2026-05-01T22:00", "ends_at": "2026-05-02T22:00", "days": ["mon"]}',
       '{"days": ["mon"], "from": "09:00", "to": null}'
     ]) as item
     where monitoring.find_window_problem(jsonb_build_array(item::jsonb)) is distinct from
       'health_check_policy.maintenance_windows[0] needs either starts_at and ends_at, for once, or days, from and to, for every week' $$,
  'a window that is neither one-time nor weekly, or both, is rejected'
);

select is(
  monitoring.find_window_problem('[{"days": ["mon"], "from": "09:00", "to": "10:00"}, {}]'),
  'health_check_policy.maintenance_windows[1] needs either starts_at and ends_at, for once, or days, from and to, for every week',
  'the error contains the position of the window'
);

select throws_ok(
  $$ select pg_temp.write_window('{"starts_at": "tomorrow", "ends_at": "2026-05-02T22:00"}') $$,
  '23514', $m$health_check_policy.maintenance_windows[0].starts_at must be a time as YYYY-MM-DDTHH:MM (start of a one-time window, as YYYY-MM-DDTHH:MM)$m$,
  'a time in words is rejected'
);

select throws_ok(
  $$ select pg_temp.write_window('{"starts_at": "2026-05-01T22:00+02:00", "ends_at": "2026-05-02T22:00"}') $$,
  '23514', $m$health_check_policy.maintenance_windows[0].starts_at must be a time as YYYY-MM-DDTHH:MM (start of a one-time window, as YYYY-MM-DDTHH:MM)$m$,
  'a time with an offset is rejected'
);

select throws_ok(
  $$ select pg_temp.write_window('{"days": ["mon"], "from": "09:00", "to": "10:00", "targets": []}') $$,
  '23514', $m$health_check_policy.maintenance_windows[0].targets must be between 1 and 10000 items long (names of the targets in the window; missing means all targets)$m$,
  'a window with an empty list of targets is rejected'
);

select * from finish();

rollback;
