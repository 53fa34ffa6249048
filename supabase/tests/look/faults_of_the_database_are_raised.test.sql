begin;

select plan(2);

update public.system_config
set value = '[{"name": "tap shop", "type": "backend", "url": "http://a.example/"}]'
where key = 'health_check_targets';

delete from monitoring.target_looks
where target_looks.id is not null;

insert into monitoring.target_looks (target, purpose, due_at)
values ('tap shop', 'certificate', clock_timestamp() + interval '1 minute');

create or replace function monitoring.find_unmet_condition(
  target monitoring.probe_targets, http_status integer, headers jsonb, content bytea
)
returns text
language plpgsql
set search_path = ''
as $$
begin
  raise exception using errcode = 'disk_full', message = 'no space left on device';
end
$$;

select throws_ok(
  $$
    select public.record_looks(
      (select jsonb_agg(jsonb_build_object('id', id, 'http_status', 200)) from monitoring.target_looks)
    )
  $$,
  '53100', 'no space left on device', 'an error that the result does not cause is raised'
);

select is(
  (
    select count(*) from monitoring.target_looks
    where recorded_at is not null
  ), 0::bigint,
  'nothing is recorded: the service sends the results again'
);

select * from finish();

rollback;
