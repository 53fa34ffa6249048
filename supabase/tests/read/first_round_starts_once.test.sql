begin;

select plan(5);

-- An interval of one hour, so that the minute may change during the test.
update public.system_config
set value = '[
  {"name": "a", "type": "backend", "url": "https://example.com/a", "interval_minutes": 60},
  {"name": "b", "type": "other", "url": "https://example.com/b", "interval_minutes": 60}
]'
where key = 'health_check_targets';

select is(public.start_health_check_round(), 2, 'the first call sends a request to each target');

select results_eq(
  -- A new minute may begin between the start of the test, the round and the request.
  $$ select target, scheduled_at = date_trunc('minute', scheduled_at)
       and scheduled_at between date_trunc('minute', now()) and sent_at, request_id is not null
     from monitoring.probes where target in ('a', 'b') order by target $$,
  $$ values ('a', true, true), ('b', true, true) $$,
  'the round is that of the current minute'
);

select is(public.start_health_check_round(), 0, 'the second call sends nothing');

select is(monitoring.run_health_checks(), 0, 'the job sends nothing');

update public.system_config
set value = '{"monitoring": false}'
where key = 'feature_flags';

delete from monitoring.probes
where target in ('a', 'b');

select is(public.start_health_check_round(), 0, 'no round starts while monitoring is disabled');

select * from finish();

rollback;
