begin;

select plan(3);

update public.system_config
set value = '[
  {"name": "one", "type": "other", "url": "https://one.example/"},
  {"name": "two", "type": "other", "url": "https://two.example/"}
]'
where key = 'health_check_targets';

-- Nothing is sent: a group of suspected targets is in flight.
insert into monitoring.probes (target, target_type, scheduled_at, sent_at, request_id, answer_due_at)
values ('one', 'other', '2020-01-01 10:00+00', clock_timestamp(), -1, clock_timestamp() + interval '1 minute');

insert into monitoring.awaited_checks (request_id, check_id, group_size)
select
  probes.request_id,
  probes.id as check_id,
  1 as group_size
from monitoring.probes
where probes.request_id = -1;

-- The rounds of two minutes waited for the lock of rounds, and began in the wrong order.
insert into monitoring.probes (target, target_type, scheduled_at, send_at)
values
('two', 'other', '2020-01-01 10:01+00', '2020-01-01 10:02:01+00'),
('two', 'other', '2020-01-01 10:02+00', '2020-01-01 10:02:00+00');

select is(monitoring.start_round('2020-01-01 10:03+00'), 1, 'a target whose check was not sent gets no other one');

select results_eq(
  $$ select probes.scheduled_at, probes.send_at
     from monitoring.probes
     where probes.target = 'two'
     order by probes.scheduled_at $$,
  $$ values
     ('2020-01-01 10:01+00'::timestamptz, '2020-01-01 10:02:01+00'::timestamptz),
     ('2020-01-01 10:03+00', '2020-01-01 10:02:00+00') $$,
  'the latest of several that wait moves to this round and keeps its place'
);

select is(monitoring.start_round('2020-01-01 10:03+00'), 0, 'the second call moves and adds nothing');

select * from finish();

rollback;
