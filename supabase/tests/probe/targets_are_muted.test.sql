begin;

select plan(8);

create function monitoring.test_windows()
returns bigint
language sql
set search_path = ''
as $$
  select count(*)
  from public.system_config
  cross join jsonb_array_elements(system_config.value -> 'maintenance_windows') as windows (item)
  where system_config.key = 'health_check_policy'
$$;

update public.system_config
set value = '[
  {"name": "shop", "type": "frontend", "url": "https://example.com/"},
  {"name": "api", "type": "backend", "url": "https://example.com/api"}
]'
where key = 'health_check_targets';

update public.system_config
set value = '{"maintenance_windows": [
  {"starts_at": "2001-01-01T00:00", "ends_at": "2001-01-02T00:00", "reason": "written by a person"},
  {"starts_at": "2001-01-01T00:00", "ends_at": "2001-01-02T00:00", "targets": ["api"], "muted_by": "operator"}
]}'
where key = 'health_check_policy';

select public.mute_target('shop', 5, 'deploying');

select results_eq(
  $$ select
       monitoring.is_in_maintenance('shop', clock_timestamp()),
       monitoring.is_in_maintenance('shop', clock_timestamp() + interval '4 minutes 59 seconds'),
       monitoring.is_in_maintenance('shop', clock_timestamp() + interval '6 minutes'),
       monitoring.is_in_maintenance('api', clock_timestamp()) $$,
  $$ values (true, true, false, false) $$,
  'the target, and no other, is in maintenance for that long'
);

select is(monitoring.test_windows(), 2::bigint, 'mutes that have ended are removed, what a person wrote stays');

select public.mute_target('shop', 60, 'deploying still');

select is(monitoring.test_windows(), 2::bigint, 'another mute of a target replaces the first');

select results_eq(
  $$ select details ->> 'reason' from public.agent_actions where action = 'config_changed' order by id desc limit 1 $$,
  $$ values ('deploying still') $$,
  'the reason is on the audit trail'
);

select is(public.unmute_target('shop'), '{"target": "shop", "is_in_maintenance": false}', 'the mute is ended');

select throws_ok($$ select public.unmute_target('shop') $$, 'PT404', 'shop is not muted', 'what is not muted is named');

select throws_ok(
  $$ select public.mute_target('shpo', 5, 'r') $$, 'PT404', 'there is no target shpo', 'an unknown target is refused'
);

select throws_ok(
  $$ select public.mute_target('shop', 0, 'r') $$, 'PT400', 'minutes must be from 1 to 43200, which is 30 days',
  'so is a time out of range'
);

select * from finish();

rollback;
