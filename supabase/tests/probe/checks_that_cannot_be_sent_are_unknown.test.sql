begin;

select plan(4);

update public.system_config
set value = '[
  {"name": "late", "type": "other", "url": "https://late.example/"},
  {"name": "off", "type": "other", "url": "https://off.example/", "enabled": false}
]'
where key = 'health_check_targets';

insert into public.monitoring_checks (target, target_type, scheduled_at, send_at, sent_at, attempt)
values
('late', 'other', '2020-01-01 10:00+00', clock_timestamp() - interval '4 minutes', null, 1),
('off', 'other', '2020-01-01 10:00+00', clock_timestamp(), null, 1),
('off', 'other', '2020-01-01 10:01+00', clock_timestamp(), clock_timestamp() - interval '9 seconds', 2),
('gone', 'other', '2020-01-01 10:00+00', clock_timestamp(), null, 1);

select lives_ok($$ select monitoring.settle_unsendable_checks() $$, 'what cannot be sent is settled');

select results_eq(
  $$ select monitoring_checks.target, monitoring_checks.error, monitoring_checks.send_at is null as waits_no_more,
       monitoring_checks.answer_due_at <= clock_timestamp() as is_due
     from public.monitoring_checks
     order by monitoring_checks.target $$,
  $$ values
     ('late', 'could not be sent for 3 minutes, so the state of the target is unknown', true, true),
     ('off', 'was not sent again, because the target is no longer checked', true, true) $$,
  'checks of targets that are gone are removed, and the others are unanswered'
);

select is(monitoring.send_due_checks(), 0, 'nothing is left to be sent');

insert into public.monitoring_checks (target, target_type, scheduled_at, send_at)
values ('late', 'other', '2020-01-01 10:01+00', clock_timestamp());

update public.system_config
set value = '{"monitoring": false}'
where key = 'feature_flags';

select monitoring.send_due_checks();

select is(
  (
    select count(*) from public.monitoring_checks
    where monitoring_checks.sent_at is null and monitoring_checks.send_at is not null
  ),
  0::bigint, 'nothing is sent while monitoring is switched off'
);

select * from finish();

rollback;
