begin;

select plan(3);

-- Keep the judgement from collecting meanwhile.
select pg_advisory_xact_lock(20261123, 1800);

update public.system_config
set value = '[{"name": "api", "type": "other", "url": "https://a.example/"}]'
where key = 'health_check_targets';

select is(monitoring.start_round('2020-01-01 10:00+00'), 1, 'a round is sent');

create or replace function monitoring.read_excerpt(content bytea)
returns text
language plpgsql
stable
strict
security invoker
set search_path = ''
as $$
begin
  raise disk_full using message = 'no space left';
end
$$;

insert into net._http_response (id, status_code, content, timed_out)
select
  probes.request_id,
  200 as status_code,
  'ok' as content,
  false as timed_out
from monitoring.probes
where probes.target = 'api';

select results_eq(
  $$ select answered_at, count(response.id)
     from monitoring.probes join net._http_response as response on response.id = request_id
     where target = 'api' group by answered_at $$,
  $$ values (null::timestamptz, 1::bigint) $$,
  'what the trigger could not record is stored'
);

select throws_ok(
  'select monitoring.collect_missed_answers()', '53100', 'no space left',
  'a fault of the database is not taken for an unreadable response'
);

select * from finish();

rollback;
