begin;

select plan(3);

update public.system_config
set value = '{"confirm_from_service": false, "retry_interval_seconds": 0}'
where key = 'health_check_policy';

update public.system_config
set value = '[{"name": "api", "type": "backend", "url": "https://former.example/"}]'
where key = 'health_check_targets';

select is(monitoring.start_round('2020-01-01 10:00+00'), 1, 'a request is sent');

insert into net._http_response (id, status_code, timed_out, created)
select
  request_id,
  503 as status_code,
  false as timed_out,
  clock_timestamp() as created
from monitoring.probes
where target = 'api';

update public.system_config
set value = '[{"name": "api", "type": "backend", "url": "https://present.example/"}]'
where key = 'health_check_targets';

select is(monitoring.judge_health_checks(), 1, 'the check is tried again');

select results_eq(
  $$ select status::text, url, attempt::integer, error,
       (select count(*) from public.incidents where fingerprint = 'health-check:target:api')
     from monitoring.all_checks
     where target = 'api' $$,
  $$ values (
    'pending', 'https://present.example/', 2, 'the URL was changed after the request was sent', 0::bigint
  ) $$,
  'the failure of the former URL opens nothing, and the request goes to the present one'
);

select * from finish();

rollback;
