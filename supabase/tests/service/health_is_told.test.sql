begin;

select plan(3);

select is(
  public.service_health() - 'server_time', '{"status": "ok", "is_kill_switch_on": false}'::jsonb,
  'the database answers'
);

select lives_ok(
  $$ update public.system_config set value = '{"enabled": true}' where key = 'kill_switch' $$,
  'the kill switch is thrown'
);

select is(
  public.service_health() -> 'is_kill_switch_on', 'true'::jsonb,
  'and reported'
);

select * from finish();

rollback;
