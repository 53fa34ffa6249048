begin;

select plan(3);

update public.incidents
set fingerprint = id
where fingerprint like 'health-check:certificate:%';

delete from monitoring.target_certificates
where target is not null;

update public.system_config
set
  value = (
    select
      jsonb_agg(
        jsonb_build_object('name', 'api' || places.place, 'type', 'backend', 'url', 'https://a.example/')
      )
    from generate_series(1, 5) as places (place)
  )
where key = 'health_check_targets';

insert into monitoring.target_certificates (target, endpoint, next_look_at, looked_at, not_after, judge_at)
select
  probe_targets.name as target,
  'a.example:443' as endpoint,
  now() as next_look_at,
  now() as looked_at,
  now() + interval '5 days' as not_after,
  now() as judge_at
from monitoring.probe_targets;

alter table public.incidents
add constraint test_constraint check (fingerprint <> 'health-check:certificate:api3');

set local client_min_messages = error;

select is(monitoring.judge_certificates(), 5, 'all are judged');

select is(
  (
    select string_agg(fingerprint, ', ' order by fingerprint)
    from public.incidents
    where fingerprint like 'health-check:certificate:%'
  ),
  'health-check:certificate:api1, health-check:certificate:api2, health-check:certificate:api4, '
  || 'health-check:certificate:api5',
  'one whose incident cannot be stored does not keep the others from theirs'
);

select is(monitoring.judge_certificates(), 0, 'and is not tried again and again');

select * from finish();

rollback;
