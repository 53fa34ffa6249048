begin;

select plan(6);

create function pg_temp.write_windows(targets jsonb[]) returns void
language sql
as $$
  update public.system_config
  set value = jsonb_build_object(
    'maintenance_windows',
    (
      select jsonb_agg(jsonb_build_object('days', '["mon"]'::jsonb, 'from', '09:00', 'to', '10:00', 'targets', names.targets))
      from unnest(write_windows.targets) as names (targets)
    )
  )
  where key = 'health_check_policy'
$$;

update public.system_config
set value = '[
  {"name": "shop", "type": "other", "url": "https://shop.example", "enabled": false},
  {"name": "job", "type": "heartbeat", "period_minutes": 5}
]'
where key = 'health_check_targets';

select lives_ok(
  $$ select pg_temp.write_windows(array['["shop"]', '["job", "shop"]', 'null']::jsonb[]) $$,
  'windows for any target of the list, or for all'
);

select throws_ok(
  $$ select pg_temp.write_windows(array['["shop"]', '["job", "Shop"]']::jsonb[]) $$,
  '23514', 'health_check_policy.maintenance_windows[1].targets has a name that no target in health_check_targets has: Shop. '
  'Correct the name, or add the target first',
  'a name that no target has is refused, and case counts'
);

update public.system_config
set value = value - 0
where key = 'health_check_targets';

select is(
  monitoring.find_window_target_problem(
    '[{"days": ["mon"], "from": "09:00", "to": "10:00", "targets": ["shop"]}]'
  ), null,
  'a window that is stored already outlives its target'
);

select lives_ok($$ select public.mute_target('job', 5, 'r') $$, 'so that another target can still be muted');

select lives_ok($$ select public.unmute_target('job') $$, 'and unmuted');

select throws_ok(
  $$ select pg_temp.write_windows(array['["shop"]', '["shop", "job", "shop"]']::jsonb[]) $$,
  '23514', null, 'a new window for the target that is gone is refused'
);

select * from finish();

rollback;
