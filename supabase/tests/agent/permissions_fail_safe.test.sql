begin;

select plan(9);

-- As a superuser or a restore can leave them: without the triggers that validate the configuration.
create function monitoring.test_with(entry text, stored jsonb, action_type text)
returns text
language plpgsql
set search_path = ''
as $$
begin
  alter table public.system_config disable trigger user;
  delete from public.system_config
  where system_config.key = test_with.entry;
  if test_with.stored is not null then
    insert into public.system_config (key, value, description)
    values (test_with.entry, test_with.stored, 'd');
  end if;
  alter table public.system_config enable trigger user;
  return (
    select coalesce(string_agg(checks.item ->> 'check', ' '), 'allowed')
    from jsonb_array_elements(monitoring.check_agent_action(test_with.action_type, null, '{}')) as checks (item)
    where not (checks.item ->> 'passed')::boolean
  );
end
$$;

update public.system_config
set value = '{"deploy": true, "email": true}'
where key = 'feature_flags';

update public.system_config
set value = '{"agent_actions_per_hour": 100000, "all_agent_actions_per_hour": 100000}'
where key = 'rate_limits';

select is(
  monitoring.test_with('kill_switch', '{"enabled": false}', 'deploy'), 'allowed', 'the kill switch is off when it says so'
);

select is_empty(
  $$ select stored from unnest(array[
       null, '{}', '{"enabled": null}', '{"enabled": "false"}', '{"enabled": 0}', '[]', '"off"', 'null', '{"enabled": true}'
     ]::jsonb[]) as stored
     where monitoring.test_with('kill_switch', stored, 'deploy') <> 'kill_switch' $$,
  'in every other case it is on, also without its row'
);

select set_config('request.jwt.claims', '{"role": "authenticated", "sub": "ann"}', true);

select throws_ok(
  $$ select public.queue_email('ann@example.com', 's') $$, 'PT409', 'sending e-mails is disabled',
  'then no agent queues an e-mail'
);

select set_config('request.jwt.claims', '', true);

select is(
  monitoring.test_with('kill_switch', '{"enabled": false}', 'deploy'), 'allowed', 'it can be switched off again'
);

select throws_ok(
  $$ update public.system_config set value = '{}' where key = 'kill_switch' $$,
  '23514', 'kill_switch.enabled is missing: true stops every action of agents', 'it cannot be left out'
);

select is_empty(
  $$ select stored from unnest(array[null, '{}', '{"deploy": "true"}', '{"deploy": 1}', '[]', 'null']::jsonb[]) as stored
     where monitoring.test_with('feature_flags', stored, 'deploy') <> 'feature_flag' $$,
  'a flag that is missing or unreadable permits nothing'
);

select monitoring.test_with('feature_flags', '{"deploy": true}', 'deploy');

select is_empty(
  $$ select stored from unnest(array[
       null, '{"agent_actions_per_hour": "60", "all_agent_actions_per_hour": "60"}', '[]'
     ]::jsonb[]) as stored
     where monitoring.test_with('rate_limits', stored, 'deploy') <> 'agent_rate_limit global_rate_limit' $$,
  'so does a limit'
);

select is(monitoring.read_limit('rate_limits', 'agent_actions_per_hour'), null::numeric, 'an unreadable limit is null');

select monitoring.test_with('rate_limits', '{}', 'deploy');

select is_empty(
  $$ select stored from unnest(array[null, '{"windows": "any"}', '{"windows": [], "timezone": "Mars"}', '[]']::jsonb[]) as stored
     where monitoring.test_with('deployment_windows', stored, 'deploy') <> 'deployment_window' $$,
  'nothing is deployed without readable deployment windows'
);

select * from finish();

rollback;
