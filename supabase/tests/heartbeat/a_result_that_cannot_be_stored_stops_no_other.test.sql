begin;

select plan(5);

-- Incidents of other tests are renamed, so that they are neither reused nor counted.
update public.incidents
set fingerprint = id, source = 'another test'
where source = 'health-check';

update public.system_config
set value = '[
  {"name": "backup", "type": "heartbeat", "period_minutes": 10},
  {"name": "report", "type": "heartbeat", "period_minutes": 10}
]'
where key = 'health_check_targets';

update monitoring.heartbeats
set state = 'missed', next_expected_at = '2020-01-01 10:00+00';

-- A rule of the owner that refuses the result of one target.
alter table public.monitoring_checks
add constraint test_rule check (target <> 'backup' or status = 'pending');

select is(monitoring.judge_heartbeats('2020-01-01 11:00+00'), 1, 'one of two is judged');

select results_eq(
  $$ select fingerprint from public.incidents where source = 'health-check' order by fingerprint $$,
  $$ values ('health-check:heartbeats'), ('health-check:target:report') $$,
  'the other one is an incident about us'
);

select is(
  (
    select count(*) from public.monitoring_checks
    where target = 'backup'
  ), 0::bigint, 'and leaves no check that is pending for ever'
);

alter table public.monitoring_checks
drop constraint test_rule;

select is(monitoring.judge_heartbeats('2020-01-01 11:00+00'), 1, 'when the rule is gone it is judged');

select results_eq(
  $$ select fingerprint from public.incidents where source = 'health-check' and status <> 'resolved'
     order by fingerprint $$,
  $$ values ('health-check:target:backup'), ('health-check:target:report') $$,
  'and the incident is resolved'
);

select * from finish();

rollback;
