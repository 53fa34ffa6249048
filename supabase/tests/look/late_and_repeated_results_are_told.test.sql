begin;

select plan(5);

update public.system_config
set value = '[{"name": "tap shop", "type": "backend", "url": "http://a.example/"}]'
where key = 'health_check_targets';

delete from monitoring.target_looks
where target_looks.id is not null;

insert into monitoring.target_looks (target, purpose, due_at)
values
('tap shop', 'certificate', clock_timestamp() + interval '1 minute'),
('tap shop', 'certificate', clock_timestamp() - interval '1 second');

create function monitoring.test_record(result jsonb)
returns text
language sql
set search_path = ''
as $$
  select string_agg(answers.answer ->> 'result', ', ' order by answers.place)
  from jsonb_array_elements(
    public.record_looks(
      (
        select jsonb_agg(result || jsonb_build_object('id', target_looks.id) order by target_looks.id)
        from monitoring.target_looks
      )
    )
  ) with ordinality as answers (answer, place)
$$;

select is(
  monitoring.test_record('{"http_status": 200}'), 'recorded, late', 'a result that nobody waits for any more is late'
);

select is(
  (select string_agg(status::text, ', ') from monitoring.target_looks), 'up, up', 'it is kept all the same'
);

select is(
  monitoring.test_record('{"http_status": 500}'), 'recorded, late', 'the answer to a repeated call is the same'
);

select is(
  (select string_agg(status::text, ', ') from monitoring.target_looks), 'up, up', 'the first result counts'
);

select is(
  public.record_looks('[{"id": 0, "http_status": 200}]'), '[{"id": 0, "result": "unknown"}]'::jsonb,
  'an id that does not exist is unknown'
);

select * from finish();

rollback;
