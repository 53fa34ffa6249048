begin;

select plan(4);

update public.system_config
set value = '[
  {"name": "paused", "type": "other", "url": "https://paused.example/", "is_paused": true},
  {"name": "later", "type": "other", "url": "https://later.example/", "is_paused": true,
   "paused_until": "2099-01-01T00:00"},
  {"name": "over", "type": "other", "url": "https://over.example/", "is_paused": true,
   "paused_until": "2020-01-01T00:00"},
  {"name": "ours", "type": "other", "url": "https://ours.example/"}
]'
where key = 'health_check_targets';

insert into monitoring.target_states (target, since, paused_at, pause_reason)
values ('ours', now(), now(), 'ends the worker');

select is(monitoring.start_round('2020-01-01 10:00+00'), 1, 'paused targets are left out of the round');

select is(
  (select string_agg(probes.target, ' ') from monitoring.probes),
  'over', 'a pause that has ended counts no more'
);

update monitoring.target_states
set paused_at = null, pause_reason = null
where target = 'ours';

select is(monitoring.start_round('2020-01-01 10:01+00'), 2, 'a target that was resumed is checked');

insert into monitoring.probes (target, target_type, scheduled_at, send_at)
values ('paused', 'other', '2020-01-01 10:01+00', now());

select monitoring.send_due_checks();

select is(
  (
    select count(*) from monitoring.probes
    where probes.target = 'paused'
  ),
  0::bigint, 'a check that waits while its target is paused is not sent'
);

select * from finish();

rollback;
