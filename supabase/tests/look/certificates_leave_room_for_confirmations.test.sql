begin;

select plan(4);

delete from monitoring.target_looks
where target_looks.id is not null;

update public.system_config
set
  value = (
    select jsonb_agg(jsonb_build_object('name', 'tap ' || n, 'type', 'other', 'url', format('https://tap%s.example/', n)))
    from generate_series(1, 30) as numbers (n)
  )
where key = 'health_check_targets';

insert into monitoring.target_looks (target, purpose, due_at)
select
  probe_targets.name,
  'certificate' as purpose,
  clock_timestamp() + interval '1 hour' as due_at
from monitoring.probe_targets;

insert into monitoring.probes (target, target_type, url, scheduled_at)
values ('tap 1', 'other', 'https://tap1.example/', now());

create function monitoring.test_take(most integer)
returns text
language sql
set search_path = ''
as $$
  select format(
    '%s confirmations, %s certificates',
    count(*) filter (where looks.item ->> 'purpose' = 'confirm'),
    count(*) filter (where looks.item ->> 'purpose' = 'certificate')
  )
  from jsonb_array_elements(public.take_looks(most)) as looks (item)
$$;

select is(
  monitoring.test_take(20), '0 confirmations, 10 certificates', 'certificates take half of what a service looks at at a time'
);

select monitoring.request_confirmations(array(
  select id from monitoring.probes
  where target = 'tap 1'
));

select is(
  monitoring.test_take(10), '1 confirmations, 0 certificates', 'while these servers are silent, others are confirmed'
);

update monitoring.target_looks
set
  recorded_at = clock_timestamp(),
  status = 'up'
where
  purpose = 'certificate'
  and target in (
    select target from monitoring.target_looks
    where
      purpose = 'certificate'
      and lease_expires_at is not null
    order by target
    limit 3
  );

select is(monitoring.test_take(20), '0 confirmations, 3 certificates', 'each that ends makes room for another');

select is(monitoring.test_take(20), '0 confirmations, 0 certificates', 'and no more');

select * from finish();

rollback;
