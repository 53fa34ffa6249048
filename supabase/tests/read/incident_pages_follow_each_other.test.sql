begin;

select plan(7);

-- The same time: only the ids order them.
insert into public.incidents (id, fingerprint, title, message, severity, category, rule, source, sender, first_seen, last_seen)
select
  'INC-tap-walk-' || number as id,
  'tap walk ' || number as fingerprint,
  't' as title,
  'm' as message,
  'HIGH' as severity,
  'backend' as category,
  'r' as rule,
  'tap-walk' as source,
  'server:default' as sender,
  now() - interval '1 hour' * (number / 4) as first_seen,
  now() - interval '1 hour' * (number / 4) as last_seen
from generate_series(1, 11) as numbers (number);

-- Reads a page, then every incident occurs again: what is not read yet is the newest by last_seen.
create function pg_temp.walk()
returns setof text
language plpgsql
as $$
declare
  v_filters jsonb := '{"source": "tap-walk", "limit": "3"}';
  v_page json;
begin
  loop
    v_page := public.list_incidents(v_filters);
    return query select item ->> 'id' from json_array_elements(v_page -> 'incidents') as items (item);
    update public.incidents
    set occurrence_count = occurrence_count + 1, last_seen = clock_timestamp()
    where source = 'tap-walk';
    exit when v_page ->> 'next' is null;
    v_filters := v_filters || jsonb_build_object('after', v_page ->> 'next');
  end loop;
end
$$;

select results_eq(
  $$ select walked.id from pg_temp.walk() as walked (id) $$,
  $$ select id from public.incidents where source = 'tap-walk' order by opened_at desc, id $$,
  'each incident is on one page, although all of them repeat meanwhile'
);

select is(
  public.list_incidents('{"source": "tap-walk", "limit": "11"}') ->> 'next',
  null,
  'the last page has no cursor, even when it is full'
);

-- The cursor names the first incident of the next page.
create temporary table first_page as
select public.list_incidents('{"source": "tap-walk", "limit": "3"}') as page;

update public.incidents
set last_seen = now(), first_seen = now() - interval '9 days'
where id = (select split_part(page ->> 'next', '_', 2) from first_page);

select is(
  (
    select
      json_array_length(
        public.list_incidents(
          jsonb_build_object('source', 'tap-walk', 'limit', '50', 'after', page ->> 'next')
        ) -> 'incidents'
      )
    from first_page
  ),
  8,
  'nothing is skipped when the incident that the cursor names has moved'
);

select is(
  (
    select
      public.list_incidents(jsonb_build_object('source', 'tap-walk', 'limit', '3', 'after', page ->> 'next'))::jsonb
      - 'incidents' - 'next'
    from first_page
  ),
  '{"total": 11, "limit": 3, "offset": null, "next_offset": null}',
  'a page that was read with after has no offset, and the total of the whole list'
);

create function pg_temp.try_cursor(cursor text)
returns text
language plpgsql
as $$
declare
  v_detail text;
begin
  perform public.list_incidents(jsonb_build_object('after', try_cursor.cursor));
  return 'accepted';
exception
  when others then
    get stacked diagnostics v_detail = pg_exception_detail;
    return sqlstate || ' ' || v_detail;
end
$$;

select is_empty(
  $$ select bad.after
     from unnest(array[
       '', 'x', '1', 'INC-1', '_INC-1', '1.5_INC-1', '-_INC-1', '1_inc-1', '999999999999999999_INC-1', '٣_INC-1', 'null'
     ]) as bad (after)
     where pg_temp.try_cursor(bad.after) is distinct from 'PT400 after' $$,
  'what is not a cursor is refused by its name'
);

select throws_ok(
  $$ select public.list_incidents('{"after": "1_INC-1", "offset": "0"}') $$,
  'PT400', 'The parameter after is invalid. It must not be sent together with offset.',
  'a page has one beginning'
);

update public.incidents
set status = 'resolved', resolved_at = now()
where id = 'INC-tap-walk-11';

update public.incidents
set status = 'open', resolved_at = null
where id = 'INC-tap-walk-11';

select is(
  public.list_incidents('{"source": "tap-walk", "limit": "1"}') #>> '{incidents,0,id}',
  'INC-tap-walk-11',
  'an incident that was reopened comes first'
);

select * from finish();

rollback;
