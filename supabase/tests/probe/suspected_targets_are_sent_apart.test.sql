begin;

select plan(8);

update public.system_config
set
  value = (
    select
      jsonb_agg(
        jsonb_build_object('name', 't' || number, 'type', 'other', 'url', format('https://t%s.example/', number))
      )
    from generate_series(1, 5) as numbers (number)
  )
where key = 'health_check_targets';

create function monitoring.test_sent()
returns text
language sql
set search_path = ''
as $$
  select monitoring.send_due_checks();
  select string_agg(probes.target || coalesce(':' || awaited_checks.group_size, ''), ' '
    order by probes.target)
  from monitoring.awaited_checks
  join monitoring.probes on probes.id = awaited_checks.check_id;
$$;

create function monitoring.test_give_up(restarts integer)
returns void
language sql
set search_path = ''
as $$
  update monitoring.awaited_checks set worker_restarts = restarts;
  update monitoring.probes set answer_due_at = clock_timestamp() where request_id is not null;
  select monitoring.withdraw_unanswered_requests();
  update monitoring.probes set request_id = null, send_at = clock_timestamp() - interval '1 second'
  where request_id is not null and answered_at is null;
$$;

create function monitoring.test_answer()
returns void
language sql
set search_path = ''
as $$
  update monitoring.probes set answered_at = clock_timestamp()
  from monitoring.awaited_checks
  where awaited_checks.check_id = probes.id;
  select monitoring.withdraw_unanswered_requests();
$$;

insert into monitoring.target_states (target, since)
select
  't' || number as target,
  now() as since
from generate_series(1, 5) as numbers (number);

select monitoring.start_round('2020-01-01 10:00+00');

select is(monitoring.test_sent(), 't1 t2 t3 t4 t5', 'without a suspicion, all are sent');

-- t5 was sent after the worker had recovered.
update monitoring.probes
set answered_at = clock_timestamp()
where target = 't5';

select monitoring.withdraw_unanswered_requests();

select monitoring.test_give_up(1);

select is(
  (select string_agg(suspected_targets.target, ' ' order by suspected_targets.target) from monitoring.suspected_targets),
  't1 t2 t3 t4', 'whoever got no answer while the worker restarted is suspected'
);

select monitoring.start_round('2020-01-01 10:01+00');

select is(
  (
    select string_agg(probes.target, ' ')
    from monitoring.awaited_checks
    inner join monitoring.probes on awaited_checks.check_id = probes.id
  ),
  't5', 'the others are sent first'
);

delete from monitoring.probes
where scheduled_at = '2020-01-01 10:01+00' and target <> 't5';

select is(monitoring.test_sent(), 't5', 'suspects wait until nothing is in flight');

select monitoring.test_answer();

select is(monitoring.test_sent(), 't1:2 t2:2', 'then half of them are sent');

select monitoring.test_answer();

select is(monitoring.test_sent(), 't3:1', 'the answer ends the suspicion, and the next group is smaller');

select is(monitoring.test_sent(), 't3:1', 'nothing is sent while a group is in flight');

select monitoring.test_give_up(0);

select is(
  (select string_agg(suspected_targets.target, ' ' order by suspected_targets.target) from monitoring.suspected_targets),
  't3 t4', 'a suspicion stays until there is an answer'
);

select * from finish();

rollback;
