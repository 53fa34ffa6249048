begin;

select plan(6);

-- Of each severity 30 live ones and 10 resolved ones, some opened at the same time: only the ids order those.
insert into public.incidents (
  id, fingerprint, title, message, severity, category, rule, source, status, first_seen, last_seen, resolved_at
)
select
  'INC-tap-walk-' || number as id,
  'tap walk ' || number as fingerprint,
  'walk ' || number % 2 as title,
  'm' as message,
  (enum_range(null::public.incident_severity))[1 + number % 4] as severity,
  'backend' as category,
  'r' as rule,
  'tap-found' as source,
  case when number > 120 then 'resolved' else 'open' end::public.incident_status as status,
  now() - interval '1 hour' * (number / 12) as first_seen,
  now() - interval '1 hour' * (number / 12) as last_seen,
  case when number > 120 then now() end as resolved_at
from generate_series(1, 160) as numbers (number);

-- Reads all pages; between two of them every live incident occurs again.
create function pg_temp.walk(filters jsonb)
returns table (id text, page integer)
language plpgsql
as $$
declare
  v_filters jsonb := '{"source": "tap-found"}' || walk.filters;
  v_document jsonb;
begin
  for v_page in 1 .. 20 loop
    v_document := public.search_incidents(v_filters);
    return query
    select items.item ->> 'id', v_page
    from jsonb_array_elements(v_document -> 'incidents') with ordinality as items (item, place)
    order by items.place;
    update public.incidents
    set occurrence_count = occurrence_count + 1, last_seen = clock_timestamp()
    where source = 'tap-found' and status <> 'resolved';
    exit when v_document ->> 'next' is null;
    v_filters := v_filters || jsonb_build_object('after', v_document -> 'next');
  end loop;
end
$$;

select results_eq(
  $$ select walked.id from pg_temp.walk('{"status": "all"}') as walked $$,
  $$ select id from public.incidents where source = 'tap-found'
     order by status = 'resolved', case when status = 'resolved' then null else severity end desc, opened_at desc, id $$,
  'each incident is on one page, in order, although all of them repeat meanwhile'
);

select results_eq(
  $$ select walked.page, count(*) from pg_temp.walk('{}') as walked group by walked.page order by walked.page $$,
  $$ values (1, 50::bigint), (2, 50::bigint), (3, 20::bigint) $$,
  'a page has 50 incidents'
);

select results_eq(
  $$ select walked.id from pg_temp.walk('{"text": "walk 1", "status": "all"}') as walked $$,
  $$ select id from public.incidents where source = 'tap-found' and title = 'walk 1'
     order by status = 'resolved', case when status = 'resolved' then null else severity end desc, opened_at desc, id $$,
  'so it is of those that words find'
);

update public.incidents
set status = 'resolved', resolved_at = now()
where source = 'tap-found' and status = 'open' and substr(id, 14)::integer > 50;

select is(
  public.search_incidents('{"source": "tap-found"}') -> 'next', 'null'::jsonb,
  'the last page has no cursor, even when it is full'
);

select is(
  public.search_incidents('{"source": "tap-found"}') -> 'is_cut', 'false'::jsonb,
  'a full page is not cut'
);

-- The incident that a cursor names can have moved or gone.
select results_eq(
  $$ select jsonb_array_length(
       public.search_incidents(jsonb_build_object('source', 'tap-found', 'after', cursors.after)) -> 'incidents'
     )
     from (
       values ('CRITICAL_9999999999999999_INC-1'), ('LOW_-1_INC-1'), ('resolved_1_INC-1'), ('MEDIUM_1_INC-1')
     ) as cursors (after) $$,
  $$ values (50), (0), (0), (12) $$,
  'a cursor is a place in the list, not an incident'
);

select * from finish();

rollback;
