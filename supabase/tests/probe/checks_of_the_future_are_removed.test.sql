begin;

select plan(8);

update public.system_config
set value = '[
  {"name": "judged", "type": "other", "url": "https://judged.example/"},
  {"name": "sent", "type": "other", "url": "https://sent.example/"},
  {"name": "waiting", "type": "other", "url": "https://waiting.example/"},
  {"name": "soon", "type": "other", "url": "https://soon.example/"}
]'
where key = 'health_check_targets';

-- What a clock that was an hour ahead left.
insert into public.monitoring_checks (target, target_type, status, scheduled_at, sent_at, completed_at)
select
  'judged' as target,
  'other' as target_type,
  'up' as status,
  now() + make_interval(mins => minute) as scheduled_at,
  now() as sent_at,
  now() as completed_at
from generate_series(2, 60) as minutes (minute);

insert into monitoring.probes (target, target_type, scheduled_at, sent_at, request_id, answer_due_at)
values ('sent', 'other', now() + interval '1 hour', now() + interval '1 hour', -17, now() + interval '2 hours');

insert into monitoring.awaited_checks (request_id, check_id)
select
  request_id,
  id
from monitoring.probes
where request_id = -17;

insert into monitoring.probes (target, target_type, scheduled_at, send_at)
values ('waiting', 'other', now() - interval '1 hour', now() + interval '1 hour');

insert into public.monitoring_checks (target, target_type, status, scheduled_at, sent_at, completed_at)
values ('soon', 'other', 'up', now() + interval '50 seconds', now(), now());

insert into monitoring.target_states (target, since, last_check_at, changed_at)
values (
  'judged', now() + interval '1 hour', now() + interval '1 hour',
  array[now() - interval '1 minute', now() + interval '1 hour']
);

select is(monitoring.remove_future_checks(), 61::bigint, 'checks of the future are removed, judged and pending ones');

select is(
  (select string_agg(all_checks.target, ' ') from monitoring.all_checks),
  'soon', 'a check of the next minute stays'
);

select ok(
  (
    select target_states.since <= clock_timestamp() and target_states.last_check_at <= clock_timestamp()
    from monitoring.target_states
    where target_states.target = 'judged'
  ), 'a state is not dated ahead'
);

select is(
  (
    select target_states.changed_at from monitoring.target_states
    where target_states.target = 'judged'
  ),
  array[now() - interval '1 minute'], 'changes of the future are forgotten'
);

select monitoring.withdraw_unanswered_requests();

select is(
  (
    select count(*) from monitoring.awaited_checks
    where awaited_checks.request_id = -17
  ),
  0::bigint, 'nobody waits for the answer to a removed check'
);

select is(monitoring.start_round(date_trunc('minute', now())), 4, 'the round starts as ever');

select lives_ok($$ select monitoring.judge_health_checks() $$, 'and is judged');

select is(monitoring.start_round(date_trunc('minute', now())), 0, 'a minute that is repeated is not checked twice');

select * from finish();

rollback;
