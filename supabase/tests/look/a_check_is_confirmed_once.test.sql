begin;

select plan(4);

insert into monitoring.probes (target, target_type, url, scheduled_at)
values
('tap one', 'backend', 'http://a.example/', now()),
('tap two', 'backend', 'http://b.example/', now());

create temporary table asked as
select array_agg(probes.id order by probes.id) as ids
from monitoring.probes
where probes.target in ('tap one', 'tap two');

select is(
  (select monitoring.request_confirmations(ids[1:1]) from asked), 1::bigint, 'a check is confirmed'
);

select is(
  (select monitoring.request_confirmations(ids || 0::bigint) from asked), 1::bigint,
  'asked again, only the other one is new; an unknown check is left out'
);

select results_eq(
  $$
    select target, purpose, due_at - requested_at between interval '9 seconds' and interval '11 seconds'
    from monitoring.target_looks
    where target like 'tap %'
    order by target
  $$,
  $$ values ('tap one', 'confirm', true), ('tap two', 'confirm', true) $$,
  'a judgement waits 10 seconds for each'
);

update monitoring.probes
set scheduled_at = now() + interval '1 hour'
where target = 'tap one';

select monitoring.remove_future_checks();

select is(
  (
    select count(*) from monitoring.target_looks
    where target = 'tap one'
  ), 0::bigint,
  'the look goes with its check'
);

select * from finish();

rollback;
