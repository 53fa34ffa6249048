begin;

select plan(7);

update public.system_config
set value = '[{"name": "api", "type": "backend", "url": "https://api.example/"}]'
where key = 'health_check_targets';

select is(monitoring.start_round('2020-01-01 10:00+00'), 1, 'a round is sent');

create function monitoring.test_answer(created timestamptz)
returns boolean
language sql
set search_path = ''
as $$
  select monitoring.store_answer(probes.request_id, 200, '{}', 'ok', false, null, test_answer.created, 1)
  from monitoring.probes
  where probes.target = 'api'
$$;

select is(
  monitoring.store_answer(-7, 200, '{}', 'ok', false, null, clock_timestamp(), 1), false,
  'an unknown request id is ignored'
);

select is(
  monitoring.test_answer(clock_timestamp() + interval '1 hour'), false, 'so is a batch that began after the check was due'
);

create temporary table forgotten as
select awaited_checks.*
from monitoring.awaited_checks;

delete from monitoring.awaited_checks;

select is(
  monitoring.test_answer(clock_timestamp()), false,
  'a crash makes pg_net count from 1 again, and empties the table of awaited answers: the same id counts for nobody'
);

insert into monitoring.awaited_checks
select *
from forgotten;

select is(monitoring.test_answer(clock_timestamp()), true, 'the awaited answer is recorded');

select is(monitoring.test_answer(clock_timestamp()), false, 'and no second one');

insert into monitoring.awaited_checks
select *
from forgotten;

select is(monitoring.test_answer(clock_timestamp()), false, 'not even if it is awaited again by mistake');

select * from finish();

rollback;
