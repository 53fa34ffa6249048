begin;

select plan(3);

update public.system_config
set value = '[
  {"name": "new", "type": "other", "url": "https://new.example/"},
  {"name": "slow", "type": "other", "url": "https://slow.example/"},
  {"name": "fast", "type": "other", "url": "https://fast.example/"}
]'
where key = 'health_check_targets';

insert into monitoring.target_states (target, since, is_slow)
values ('slow', now(), true), ('fast', now(), false);

select is(monitoring.start_round('2020-01-01 10:00+00'), 3, 'a round is sent');

select is(
  (
    select string_agg(target, ' ' order by request_id) from monitoring.probes
    where scheduled_at = '2020-01-01 10:00+00'
  ),
  'fast new slow', 'fast targets are sent first'
);

select ok(
  monitoring.find_answer_due(5000, 450, 5000) - clock_timestamp() between interval '32 seconds' and interval '33 seconds',
  'requests behind three batches have a later deadline'
);

select * from finish();

rollback;
