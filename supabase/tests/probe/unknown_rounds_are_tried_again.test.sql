begin;

select plan(5);

update public.system_config
set value = '[{"name": "rare", "type": "other", "url": "https://rare.example/", "interval_minutes": 5}]'
where key = 'health_check_targets';

select is(monitoring.start_round('2020-01-01 10:00+00'), 1, 'a round is sent');

select is(
  (
    select probes.interval_minutes from monitoring.probes
    where probes.target = 'rare'
  ),
  5, 'the check stands for its interval'
);

delete from monitoring.probes
where target = 'rare';

insert into public.monitoring_checks (target, target_type, status, scheduled_at, completed_at, interval_minutes)
values ('rare', 'other', 'unknown', '2020-01-01 10:00+00', now(), 5);

select is(monitoring.start_round('2020-01-01 10:00+00'), 0, 'a minute that is repeated sends nothing');

select is(monitoring.start_round('2020-01-01 10:01+00'), 1, 'an unknown round does not stand for the interval');

select is(monitoring.start_round('2020-01-01 10:02+00'), 0, 'any other round does, even while it is pending');

select * from finish();

rollback;
