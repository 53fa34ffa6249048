begin;

select plan(4);

update public.system_config
set value = '[{"name": "api", "type": "backend", "url": "https://api.example/"}]'
where key = 'health_check_targets';

select is(monitoring.start_round('2020-01-01 10:00+00'), 1, 'a round is sent');

select is(
  monitoring.store_answer(-7, 200, '{}', 'ok', false, null, clock_timestamp(), 1), false,
  'an unknown request id is ignored'
);

select is(
  (
    select monitoring.store_answer(request_id, 200, '{}', 'ok', false, null, clock_timestamp() + interval '1 hour', 1)
    from public.monitoring_checks
    where target = 'api'
  ),
  false, 'a known request id at another time is ignored'
);

select is(
  (
    select monitoring.store_answer(request_id, 200, '{}', 'ok', false, null, clock_timestamp(), 1)
    from public.monitoring_checks
    where target = 'api'
  ),
  true, 'a known request id at the right time is recorded'
);

select * from finish();

rollback;
