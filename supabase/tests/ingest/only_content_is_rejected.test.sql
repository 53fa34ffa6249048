begin;

select plan(6);

select results_eq(
  $$ select monitoring.is_content_error(code)
     from unnest(array['22001', '22P02', '22P05', '23514', '54000', '2200H', '22012', '23502', 'XX000', '58030', '42703', 'P0001']) as code $$,
  $$ values (true), (true), (true), (true), (true), (false), (false), (false), (false), (false), (false), (false) $$,
  'few SQLSTATEs can be the fault of an event'
);

-- A trigger that fails as the database would, for every event or for one.
create function monitoring.test_fail()
returns trigger
language plpgsql
set search_path = ''
as $$
begin
  if new.source like 'tap-fails %' then
    raise exception using errcode = split_part(new.source, ' ', 2), message = 'a test';
  end if;
  return new;
end
$$;

create trigger test_fail before insert on public.incidents for each row execute function monitoring.test_fail();

select throws_ok(
  $$ select public.ingest_events('[{"error": {"message": "a"}}, {"error": {"message": "b"}, "source": "tap-fails 2200H"}]') $$,
  '2200H', 'a test', 'a sequence that is used up is no fault of an event: the call fails'
);

select throws_ok(
  $$ select public.report_error('{"error": {"message": "b"}, "source": "tap-fails XX000"}') $$,
  'XX000', 'a test', 'nor is an internal error'
);

select throws_ok(
  $$ select public.report_error('{"error": {"message": "b"}, "source": "tap-fails 42703"}') $$,
  '42703', 'a test', 'nor is a missing column'
);

select is(
  (
    select jsonb_agg(coalesce(item #> '{error,code}', item -> 'success'))
    from jsonb_array_elements(public.ingest_events('[
      {"error": {"message": "a"}}, {"error": {"message": "b"}, "source": "tap-fails 22P05"}, {"error": {"message": "c"}}
    ]')) as item
  ),
  '[true, "PT422", true]'::jsonb,
  'a value that cannot be stored is: that event alone is rejected'
);

drop trigger test_fail on public.incidents;

alter sequence public.incident_number maxvalue 2000000 restart with 2000000;

select throws_ok(
  $$ select public.ingest_events('[{"error": {"message": "x"}, "source": "a"}, {"error": {"message": "x"}, "source": "b"}]') $$,
  '2200H', null, 'the sequence of incidents'
);

select * from finish();

rollback;
