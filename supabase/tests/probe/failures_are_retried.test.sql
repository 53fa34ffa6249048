begin;

select plan(6);

update public.system_config
set value = '[{"name": "api", "type": "other", "url": "https://a.example/"}]'
where key = 'health_check_targets';

select is(monitoring.start_round('2020-01-01 10:00+00'), 1, 'a round is sent');

create function monitoring.test_fail()
returns text
language sql
set search_path = ''
as $$
  select monitoring.store_answer(request_id, 500, '{}', 'no', false, null, clock_timestamp(), 5)
  from public.monitoring_checks;
  select monitoring.judge_health_checks();
  select format('%s %s %s', status, attempt, error_count)
  from public.monitoring_checks;
$$;

select is(monitoring.test_fail(), 'pending 2 1', 'a failure is retried');

select is(monitoring.test_fail(), 'pending 3 2', 'a second failure is retried');

select is(monitoring.test_fail(), 'down 3 3', 'the third failure counts');

select is(monitoring.start_round('2020-01-01 10:01+00'), 1, 'the next round starts');

delete from public.monitoring_checks
where scheduled_at = '2020-01-01 10:00+00';

update public.monitoring_checks
set retry_until = now();

select is(monitoring.test_fail(), 'down 1 1', 'after the minute there is no retry');

select * from finish();

rollback;
