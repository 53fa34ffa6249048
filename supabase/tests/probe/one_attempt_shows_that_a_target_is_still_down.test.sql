begin;

select plan(6);

-- Incidents of other tests are renamed, so that they are neither reused nor counted.
update public.incidents
set fingerprint = id, source = 'another test'
where source = 'health-check';

update public.system_config
set value = '{"attempts": 3}'
where key = 'health_check_policy';

update public.system_config
set value = '[
  {"name": "a", "type": "other", "url": "https://a.example/"},
  {"name": "b", "type": "other", "url": "https://a.example/"},
  {"name": "c", "type": "other", "url": "https://a.example/", "interval_minutes": 5},
  {"name": "gone", "type": "other", "url": "https://a.example/"},
  {"name": "bad", "type": "other", "url": "https://a.example/"}
]'
where key = 'health_check_targets';

insert into monitoring.target_states (target, since, status, last_check_at)
values
('a', now(), 'down', '2020-01-01 09:59+00'),
('b', now(), 'unknown', '2020-01-01 09:59+00'),
('c', now(), 'down', '2020-01-01 09:55+00');

insert into monitoring.probes (
  target, target_type, scheduled_at, sent_at, request_id, answer_due_at, answered_at, error, retry_until
)
values
('a', 'other', '2020-01-01 10:00+00', now(), -1, now(), now(), 'x', now() + interval '1 minute'),
('b', 'other', '2020-01-01 10:00+00', now(), -2, now(), now(), 'x', now() + interval '1 minute'),
('c', 'other', '2020-01-01 10:00+00', now(), -5, now(), now(), 'x', now() + interval '1 minute'),
('gone', 'other', '2020-01-01 10:00+00', now(), -3, now(), now(), 'x', now()),
('bad', 'other', '2020-01-01 10:00+00', null, null, now(), null, 'could not be sent: x', now() + interval '1 minute');

update monitoring.probes
set interval_minutes = 5
where target = 'c';

insert into monitoring.awaited_checks (request_id, check_id)
select
  coalesce(probes.request_id, -4) as request_id,
  probes.id as check_id
from monitoring.probes
where probes.target in ('a', 'bad');

select monitoring.withdraw_unanswered_requests();

create temporary table verdicts as
select * from monitoring.judge_answers();

select results_eq(
  $$ select target, status::text, may_try_again, problem from verdicts order by target $$,
  $$ values
     ('a', 'down', false, 'x'),
     ('b', 'down', true, 'x'),
     ('bad', 'unknown', false, 'could not be sent: x'),
     ('c', 'down', false, 'x'),
     ('gone', 'down', false, 'x') $$,
  'no attempt follows when the target was down, cannot be asked, or the minute is over'
);

update monitoring.target_states
set last_check_at = last_check_at - interval '6 minutes'
where target_states.status = 'down';

select results_eq(
  $$ select target, may_try_again from monitoring.judge_answers() where target in ('a', 'c') order by target $$,
  $$ values ('a', true), ('c', true) $$,
  'nothing is known of a target that was not checked since, as after a pause'
);

update monitoring.target_states
set last_check_at = '2020-01-01 09:59+00';

select is_empty(
  $$ select request_id from monitoring.awaited_checks where request_id < 0 $$,
  'no later answer counts for what is overdue'
);

update monitoring.probes
set answered_at = null, error = null
where target = 'a';

select results_eq(
  $$ select status::text, may_try_again from monitoring.judge_answers() where target = 'a' $$,
  $$ values ('unknown', true) $$,
  'a target that was down is asked again when there was no response'
);

insert into monitoring.awaited_checks (request_id, check_id)
select
  probes.request_id,
  probes.id as check_id
from monitoring.probes
where probes.target = 'a';

select is_empty(
  $$ select from monitoring.judge_answers() where target = 'a' $$,
  'what became overdue this moment is withdrawn before it is judged'
);

update public.system_config
set value = '[]'
where key = 'health_check_targets';

select is_empty($$ select from monitoring.judge_answers() where may_try_again $$, 'what was removed is not asked again');

select * from finish();

rollback;
