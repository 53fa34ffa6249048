begin;

select plan(8);

delete from monitoring.target_looks
where target_looks.id is not null;

update public.system_config
set value = '[
  {"name": "tap one", "type": "backend", "url": "http://a.example/"},
  {"name": "tap two", "type": "backend", "url": "http://b.example/"},
  {"name": "tap off", "type": "backend", "url": "http://c.example/", "enabled": false},
  {"name": "tap paused", "type": "backend", "url": "http://d.example/", "is_paused": true}
]'
where key = 'health_check_targets';

insert into monitoring.target_looks (target, purpose, due_at)
values
('tap one', 'certificate', clock_timestamp() + interval '1 minute'),
('tap two', 'certificate', clock_timestamp() + interval '2 minutes'),
('tap off', 'certificate', clock_timestamp() + interval '1 minute'),
('tap paused', 'certificate', clock_timestamp() + interval '1 minute'),
('tap gone', 'certificate', clock_timestamp() + interval '1 minute'),
('tap one', 'certificate', clock_timestamp() - interval '1 second');

insert into monitoring.probes (target, target_type, url, scheduled_at)
values ('tap two', 'backend', 'http://b.example/', now());

create function monitoring.test_take(most integer)
returns text
language sql
set search_path = ''
as $$
  select string_agg((looks.item ->> 'purpose') || ' ' || (looks.item ->> 'target'), ', ' order by looks.place)
  from jsonb_array_elements(public.take_looks(most)) with ordinality as looks (item, place)
$$;

select is(monitoring.test_take(1), 'certificate tap one', 'the look that is due first is taken');

select is(
  monitoring.request_confirmations(array(
    select id from monitoring.probes
    where target = 'tap two'
  )),
  1::bigint, 'a confirmation is requested'
);

select is(
  monitoring.test_take(20), 'confirm tap two, certificate tap two',
  'confirmations come first; what is leased, overdue, or of no enabled target, or of a paused one, is not taken'
);

select is(monitoring.test_take(20), null, 'what is leased is not taken again');

update monitoring.target_looks
set lease_expires_at = clock_timestamp()
where target = 'tap one';

select is(monitoring.test_take(20), 'certificate tap one', 'after its lease it is');

select throws_ok(
  $$ select public.take_looks(101) $$, 'PT400', 'max_looks must be from 1 to 100', 'more than 100 looks are refused'
);

select throws_ok(
  $$ select public.take_looks(0) $$, 'PT400', 'max_looks must be from 1 to 100', 'and none'
);

update monitoring.target_looks
set lease_expires_at = null
where target is not null;

update public.system_config
set value = '{"monitoring": false}'
where key = 'feature_flags';

select is(monitoring.test_take(20), null, 'nothing is taken while monitoring is off');

select * from finish();

rollback;
