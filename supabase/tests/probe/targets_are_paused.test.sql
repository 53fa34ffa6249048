begin;

select plan(16);

create function pg_temp.fields_of(target text) returns jsonb
language sql
as $$
  select items.item - array['type', 'url', 'name']
  from public.system_config
  cross join jsonb_array_elements(system_config.value) as items (item)
  where system_config.key = 'health_check_targets'
    and items.item ->> 'name' = fields_of.target
$$;

update public.system_config
set value = '[
  {"name": "shop", "type": "frontend", "url": "https://example.com/"},
  {"name": "api", "type": "backend", "url": "https://example.com/api", "enabled": false}
]'
where key = 'health_check_targets';

select is(
  public.pause_target('shop', reason => 'we rebuild it'), '{"target": "shop", "paused_until": null}', 'a target is paused without end'
);

select results_eq(
  $$ select pg_temp.fields_of('shop'), pg_temp.fields_of('api') $$,
  $$ values ('{"is_paused": true}'::jsonb, '{"enabled": false}'::jsonb) $$,
  'in its fields, and no other'
);

select results_eq(
  $$ select details ->> 'reason' from public.agent_actions where action = 'config_changed' order by id desc limit 1 $$,
  $$ values ('we rebuild it') $$,
  'the reason is on the audit trail'
);

select ok(
  (public.pause_target('shop', 5, 'longer') ->> 'paused_until')::timestamptz
  between date_trunc('second', now()) + interval '5 minutes' and clock_timestamp() + interval '5 minutes',
  'a pause has an end'
);

select results_eq(
  $$ select is_paused, paused_until - now() between interval '4 minutes' and interval '6 minutes' from monitoring.probe_targets
     where name = 'shop' $$,
  $$ values (true, true) $$,
  'which replaces the one before'
);

insert into monitoring.target_states (target, since, worker_kills, paused_at, pause_reason)
values ('shop', now(), 2, now(), 'it stopped the worker'), ('api', now(), 1, now(), 'it stopped the worker')
on conflict (target) do update
  set worker_kills = excluded.worker_kills, paused_at = excluded.paused_at, pause_reason = excluded.pause_reason;

select is(public.resume_target('shop'), '{"target": "shop", "is_enabled": true}', 'a target is resumed');

select is(pg_temp.fields_of('shop'), '{}'::jsonb, 'its fields are as before');

select results_eq(
  $$ select worker_kills, paused_at, pause_reason from monitoring.target_states where target = 'shop' $$,
  $$ values (0, null::timestamptz, null::text) $$,
  'our own pause is over as well'
);

select is(public.resume_target(' api '), '{"target": "api", "is_enabled": false}', 'also where only we paused it');

select throws_ok($$ select public.resume_target('shop') $$, 'PT404', 'shop is not paused', 'what is not paused is named');

select throws_ok(
  $$ select public.pause_target('shpo', 5, 'r') $$, 'PT404', 'there is no target shpo', 'an unknown target is refused'
);

select throws_ok($$ select public.resume_target('shpo') $$, 'PT404', 'there is no target shpo', 'by both');

select throws_ok(
  $$ select public.pause_target('shop', 0, 'r') $$, 'PT400', 'minutes must be from 1 to 43200, which is 30 days',
  'so is a time out of range'
);

select throws_ok($$ select public.pause_target('shop', 5) $$, 'PT400', 'reason is missing', 'a pause has a reason');

update public.system_config
set value = '[]'
where key = 'health_check_targets';

select throws_ok($$ select monitoring.require_target('shop') $$, 'PT404', 'there is no target shop', 'without targets');

select lives_ok($$ select monitoring.write_pause('shop', 'r', '{"is_paused": true}') $$, 'nothing is written for none');

select * from finish();

rollback;
