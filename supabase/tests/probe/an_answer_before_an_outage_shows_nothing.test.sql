begin;

select plan(6);

-- Incidents of other tests are renamed, so that they are neither reused nor counted.
update public.incidents
set fingerprint = id, source = 'another test'
where source = 'health-check';

update public.system_config
set value = '{"attempts": 1, "confirm_from_service": false}'
where key = 'health_check_policy';

update public.system_config
set value = '[
  {"name": "a", "type": "backend", "url": "https://a.example/"},
  {"name": "b", "type": "backend", "url": "https://b.example/"},
  {"name": "c", "type": "backend", "url": "https://c.example/"}
]'
where key = 'health_check_targets';

create function monitoring.test_states()
returns text
language sql
set search_path = ''
as $$
  select monitoring.judge_health_checks();
  select string_agg(format('%s %s', target, status), ', ' order by target)
  from monitoring.all_checks
  where scheduled_at = '2020-01-01 10:00+00';
$$;

-- A server answers, and half a minute later two others do not.
create function monitoring.test_silence(ago interval)
returns text
language sql
set search_path = ''
as $$
  delete from monitoring.probes;
  delete from public.monitoring_checks;
  delete from monitoring.target_states;
  insert into monitoring.probes (
    target, target_type, scheduled_at, sent_at, request_id, answered_at, http_status, error
  )
  values
  ('a', 'backend', '2020-01-01 10:00+00', now() - ago - interval '31 seconds', -1, now() - ago - interval '30 seconds', 200, null),
  ('b', 'backend', '2020-01-01 10:00+00', now() - ago, -2, now() - ago, null, 'x'),
  ('c', 'backend', '2020-01-01 10:00+00', now() - ago + interval '10 seconds', -3, now() - ago + interval '10 seconds', null, 'x');
  select monitoring.test_states();
$$;

select is(
  monitoring.test_silence('50 seconds'), 'a up, b pending, c pending',
  'the next answer of the server is awaited, because it is due within a minute'
);

select is(
  monitoring.test_silence('90 seconds'), 'a up, b unknown, c unknown', 'a minute without any answer is our own connection'
);

select is(
  (
    select string_agg(fingerprint, ' ') from public.incidents
    where source = 'health-check'
  ), 'health-check:connectivity', 'which is one incident'
);

select monitoring.test_silence('50 seconds');

insert into monitoring.probes (
  target, target_type, scheduled_at, sent_at, request_id, answered_at, http_status, unmet_condition
)
values ('a', 'backend', '2020-01-01 10:01+00', now(), -4, now(), 500, 'wrong');

select is(monitoring.test_states(), 'a up, b down, c down', 'an answer in the next round shows that they are down');

select is(
  (
    select string_agg(fingerprint, ' ' order by fingerprint) from public.incidents
    where source = 'health-check' and status <> 'resolved'
  ),
  'health-check:target:a health-check:target:b health-check:target:c', 'each has its incident'
);

-- As if it had not been judged.
with judged as (
  delete from public.monitoring_checks
  where target = 'b'
  returning *
)

insert into monitoring.probes (target, target_type, scheduled_at, sent_at, request_id, answered_at, error)
select
  target,
  target_type,
  scheduled_at,
  sent_at,
  -2 as request_id,
  answered_at,
  'x' as error
from judged;

select is(
  (
    select string_agg(format('%s: %s', target, is_offline), ', ')
    from monitoring.find_ready_verdicts(array(select verdict from monitoring.judge_answers() as verdict), '{}')
  ),
  'b: f', 'a check that is judged late has the same result'
);

select * from finish();

rollback;
