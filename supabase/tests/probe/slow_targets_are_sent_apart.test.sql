begin;

select plan(4);

update public.system_config
set value = '[
  {"name": "fast", "type": "other", "url": "https://fast.example/"},
  {"name": "slow", "type": "other", "url": "https://slow.example/"},
  {"name": "unknown", "type": "other", "url": "https://unknown.example/"},
  {"name": "failed", "type": "other", "url": "https://failed.example/"}
]'
where key = 'health_check_targets';

insert into monitoring.target_states (target, since, status, is_slow, unknown_rounds)
values
('fast', now(), 'up', false, 0),
('slow', now(), 'down', true, 0),
('unknown', now(), 'unknown', false, 1),
('failed', now(), 'up', false, 0);

insert into monitoring.probes (target, target_type, scheduled_at, send_at, attempt)
select
  target_states.target,
  'other' as target_type,
  '2020-01-01 10:00+00' as scheduled_at,
  clock_timestamp() as send_at,
  case target_states.target when 'failed' then 2 else 1 end as attempt
from monitoring.target_states
where target_states.target in ('fast', 'slow', 'unknown', 'failed');

create function monitoring.test_chosen()
returns text
language sql
set search_path = ''
as $$
  select string_agg(probes.target, ' ' order by probes.target)
  from monitoring.choose_ordinary_checks() as chosen
  join monitoring.probes on probes.id = chosen.check_id;
$$;

select is(monitoring.test_chosen(), 'fast', 'those that delay nobody are sent first');

update monitoring.probes
set send_at = clock_timestamp() - interval '11 seconds'
where target = 'slow';

select is(monitoring.test_chosen(), 'failed slow unknown', 'after ten seconds, it is the turn of the others');

insert into monitoring.awaited_checks (request_id, check_id, is_slow)
select
  1000000 as request_id,
  probes.id as check_id,
  true as is_slow
from monitoring.probes
where probes.target = 'slow';

select is(monitoring.test_chosen(), 'fast', 'one batch of them at a time');

delete from monitoring.probes
where target = 'fast';

select is(monitoring.test_chosen(), 'failed slow unknown', 'unless nothing else is due');

select * from finish();

rollback;
