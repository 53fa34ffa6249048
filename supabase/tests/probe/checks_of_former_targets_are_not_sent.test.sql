begin;

select plan(4);

update public.system_config
set value = '[
  {"name": "on", "type": "other", "url": "https://on.example/"},
  {"name": "off", "type": "other", "url": "https://off.example/", "enabled": false}
]'
where key = 'health_check_targets';

insert into monitoring.probes (target, target_type, scheduled_at, send_at, sent_at, attempt)
values
('on', 'other', '2020-01-01 10:00+00', clock_timestamp(), null, 1),
('off', 'other', '2020-01-01 10:00+00', clock_timestamp(), null, 1),
('off', 'other', '2020-01-01 10:01+00', clock_timestamp(), clock_timestamp() - interval '9 seconds', 2),
('gone', 'other', '2020-01-01 10:00+00', clock_timestamp(), null, 1);

select lives_ok($$ select monitoring.settle_unsendable_checks() $$, 'what cannot be sent is settled');

select results_eq(
  $$ select probes.target, probes.error, probes.send_at is null as waits_no_more,
       probes.answer_due_at <= clock_timestamp() as is_due
     from monitoring.probes
     order by probes.target $$,
  $$ values
     ('off', 'was not sent again, because the target is no longer checked', true, true),
     ('on', null, false, null) $$,
  'checks of targets that are gone are removed, and those that were sent are unanswered'
);

select is(monitoring.send_due_checks(), 1, 'the others are sent');

insert into monitoring.probes (target, target_type, scheduled_at, send_at)
values ('on', 'other', '2020-01-01 10:01+00', clock_timestamp());

update public.system_config
set value = '{"monitoring": false}'
where key = 'feature_flags';

select monitoring.send_due_checks();

select is(
  (
    select count(*)
    from monitoring.probes
    where probes.send_at is not null
  ),
  0::bigint, 'nothing is sent while monitoring is switched off'
);

select * from finish();

rollback;
