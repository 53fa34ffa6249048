begin;

select plan(5);

-- One more than a page looks at; only the last and the 31st have the word.
insert into public.incidents (
  id, fingerprint, title, message, severity, category, rule, source, environment, first_seen, last_seen
)
select
  'INC-88' || number as id,
  'tap many ' || number as fingerprint,
  case when number in (31, 10001) then 'needle' else 'hay' end as title,
  'm' as message,
  'CRITICAL' as severity,
  'backend' as category,
  'r' as rule,
  'tap-many' as source,
  case when number in (31, 10001) then 'rare' else 'usual' end as environment,
  now() - interval '1 second' * number as first_seen,
  now() as last_seen
from generate_series(1, 10001) as numbers (number);

create temporary table pages as
select public.search_incidents('{"source": "tap-many", "text": "needle"}') as first_page;

alter table pages
add column second_page jsonb;

update pages
set second_page = public.search_incidents(
  jsonb_build_object('source', 'tap-many', 'text', 'needle', 'after', first_page -> 'next')
);

select results_eq(
  $$ select first_page #>> '{incidents,0,id}', jsonb_array_length(first_page -> 'incidents'), first_page ->> 'is_cut' from pages $$,
  $$ values ('INC-8831', 1, 'true') $$,
  'a page that looked at 10,000 incidents ends, although it is not full'
);

select results_eq(
  $$ select second_page #>> '{incidents,0,id}', jsonb_array_length(second_page -> 'incidents'), second_page ->> 'is_cut',
       second_page ->> 'next' from pages $$,
  $$ values ('INC-8810001', 1, 'false', null::text) $$,
  'the next page goes on from there'
);

select results_eq(
  $$ select jsonb_array_length(page -> 'incidents'), page ->> 'is_cut', page ->> 'next' is not null
     from public.search_incidents('{"source": "tap-many", "environment": "rare"}') as page $$,
  $$ values (1, 'true', true) $$,
  'so it is with an environment'
);

select results_eq(
  $$ select jsonb_array_length(page -> 'incidents'), page ->> 'is_cut', page ->> 'next' is not null
     from public.search_incidents('{"source": "tap-many", "text": "hay"}') as page $$,
  $$ values (50, 'false', true) $$,
  'a page that is full before is not cut'
);

select results_eq(
  $$ select
       page -> 'counts_limit', page #> '{counts,CRITICAL}', page #> '{counts,open}',
       (page #>> '{counts,suppressed}')::integer < 1000
     from public.search_incidents() as page $$,
  $$ values ('1000'::jsonb, '1000'::jsonb, '1000'::jsonb, true) $$,
  'a count ends at 1,000, and it is told'
);

select * from finish();

rollback;
