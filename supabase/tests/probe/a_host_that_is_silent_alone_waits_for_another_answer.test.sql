begin;

select plan(9);

-- Incidents of other tests are renamed, so that they are neither reused nor counted.
update public.incidents
set fingerprint = id, source = 'another test'
where source = 'health-check';

update public.system_config
set value = '{"attempts": 1, "confirm_from_service": false}'
where key = 'health_check_policy';

update public.system_config
set value = '[
  {"name": "a", "type": "other", "url": "https://a.example/"},
  {"name": "b", "type": "other", "url": "https://b.example/"}
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

-- A server answers, and 40 seconds later another one does not.
create function monitoring.test_silence(ago interval)
returns text
language sql
set search_path = ''
as $$
  update public.incidents
  set fingerprint = id, source = 'another test'
  where source = 'health-check';
  delete from monitoring.probes;
  delete from public.monitoring_checks;
  delete from monitoring.target_states;
  insert into monitoring.probes (
    target, target_type, scheduled_at, sent_at, request_id, answered_at, http_status, error
  )
  values
  ('a', 'other', '2020-01-01 10:00+00', now() - ago - interval '41 seconds', -1, now() - ago - interval '40 seconds', 200, null),
  ('b', 'other', '2020-01-01 10:00+00', now() - ago, -2, now() - ago, null, 'x');
  select monitoring.test_states();
$$;

create function monitoring.test_incidents()
returns text
language sql
set search_path = ''
as $$
  select string_agg(substr(fingerprint, 14), ' ' order by fingerprint)
  from public.incidents
  where source = 'health-check' and status <> 'resolved'
$$;

select is(
  monitoring.test_silence('20 seconds'), 'a up, b pending',
  'our own connection may have ended since the last answer, so the next one is awaited'
);

insert into monitoring.probes (
  target, target_type, scheduled_at, sent_at, request_id, answered_at, http_status
)
values ('a', 'other', '2020-01-01 10:01+00', now(), -3, now(), 200);

select is(monitoring.test_states(), 'a up, b down', 'an answer in the next round shows that it is down');

select is(monitoring.test_incidents(), 'target:b', 'which is its incident');

select monitoring.test_silence('20 seconds');

insert into monitoring.probes (
  target, target_type, scheduled_at, sent_at, request_id, answered_at, error
)
values ('a', 'other', '2020-01-01 10:01+00', now(), -3, now(), 'x');

insert into monitoring.probes (target, target_type, scheduled_at, send_at)
values ('b', 'other', '2020-01-01 10:01+00', now() + interval '30 seconds');

select is(monitoring.test_states(), 'a up, b pending', 'that the other one does not answer either is no answer');

select monitoring.test_silence('90 seconds');

select is(monitoring.test_incidents(), 'target:b', 'where nobody else was asked meanwhile, it is down after a minute');

select monitoring.test_silence('20 seconds');

insert into monitoring.probes (
  target, target_type, scheduled_at, sent_at, request_id, answered_at, error
)
values ('a', 'other', '2020-01-01 10:01+00', now() - interval '1 second', -3, now(), 'x');

insert into monitoring.probes (target, target_type, scheduled_at, send_at)
values ('b', 'other', '2020-01-01 10:01+00', now() + interval '30 seconds');

-- A minute later.
update public.monitoring_checks
set
  sent_at = sent_at - interval '55 seconds',
  answered_at = answered_at - interval '55 seconds'
where scheduled_at = '2020-01-01 10:00+00';

update monitoring.probes
set
  sent_at = sent_at - interval '55 seconds',
  answered_at = answered_at - interval '55 seconds'
where scheduled_at = '2020-01-01 10:00+00';

select is(
  monitoring.test_states(), 'a up, b unknown', 'where the other one was asked and is silent too, our own connection ended'
);

select is(monitoring.test_incidents(), 'connectivity', 'which is one incident');

select monitoring.test_silence('20 seconds');

insert into monitoring.job_runs (job, ran_at)
values ('service-looks', clock_timestamp())
on conflict (job) do update
  set ran_at = excluded.ran_at;

update public.system_config
set value = '{"attempts": 1, "confirm_from_service": true}'
where key = 'health_check_policy';

select monitoring.test_states();

select is(
  (
    select count(*) from monitoring.target_looks
    where purpose = 'confirm' and target = 'b'
  ),
  1::bigint, 'the service, where it is there, is asked at once'
);

update public.system_config
set value = '{"attempts": 1, "confirm_from_service": false}'
where key = 'health_check_policy';

delete from monitoring.probes;
delete from public.monitoring_checks;

delete from monitoring.target_states;

-- Our own connection failed, and then one of the two targets is paused.
insert into monitoring.probes (target, target_type, scheduled_at, sent_at, request_id, answered_at, error)
values
('a', 'other', '2020-01-01 10:00+00', now(), -1, now(), 'x'),
('b', 'other', '2020-01-01 10:00+00', now(), -2, now(), 'x');

select monitoring.test_states();

insert into monitoring.probes (target, target_type, scheduled_at, sent_at, request_id, answered_at, error)
values ('b', 'other', '2020-01-01 10:01+00', now(), -3, now(), 'x');

select monitoring.test_states();

select is(monitoring.test_incidents(), 'target:b', 'a target that is judged for itself ends the doubt');

select * from finish();

rollback;
