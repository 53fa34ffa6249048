begin;

select plan(8);

update public.system_config
set value = '{}'
where key = 'health_check_policy';

update public.system_config
set value = '[
  {"name": "tap public", "type": "backend", "url": "http://a.example/"},
  {"name": "tap alone", "type": "backend", "url": "http://a.example/", "confirm_from_service": false},
  {"name": "tap moved", "type": "backend", "url": "http://b.example/"},
  {"name": "tap asked", "type": "backend", "url": "http://a.example/", "confirm_from_service": true}
]'
where key = 'health_check_targets';

create function monitoring.test_confirmed()
returns text
language sql
set search_path = ''
as $$
  select string_agg(probe_targets.name, ', ' order by probe_targets.place)
  from monitoring.probe_targets
  where monitoring.should_confirm(probe_targets.name)
$$;

delete from monitoring.job_runs
where job = 'service-looks';

select ok(not monitoring.is_service_looking(), 'a service that took nothing is not looking');

select is(monitoring.test_confirmed(), null, 'then nothing is confirmed');

select lives_ok('select public.take_looks()', 'the service takes looks');

select is(
  monitoring.test_confirmed(), 'tap public, tap moved, tap asked',
  'then everything is, but the target that is not to be'
);

update public.system_config
set value = '{"confirm_from_service": false}'
where key = 'health_check_policy';

select is(monitoring.test_confirmed(), 'tap asked', 'the policy decides for targets that say nothing');

update public.system_config
set value = '{}'
where key = 'health_check_policy';

-- As if the address had been entered before addresses were checked.
update monitoring.probe_targets
set url = 'http://10.0.0.1/'
where name = 'tap moved';

select is(
  monitoring.test_confirmed(), 'tap public, tap asked', 'a private address is confirmed only where it is allowed'
);

select is(monitoring.should_confirm('tap gone'), false, 'a target that does not exist is not confirmed');

update monitoring.job_runs
set ran_at = clock_timestamp() + case job when 'service-looks' then interval '1 hour' else interval '0' end
where job = 'service-looks';

select ok(not monitoring.is_service_looking(), 'a time from before the clock was set back does not count');

select * from finish();

rollback;
