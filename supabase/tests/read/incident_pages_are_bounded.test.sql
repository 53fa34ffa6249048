begin;

select plan(5);

select
  public.report_error(jsonb_build_object(
    'error', jsonb_build_object('message', 'large'), 'fingerprint', 'large ' || number, 'source', 'tap-pages',
    'context', jsonb_build_object('text', repeat('x', 60000))
  ))
from generate_series(1, 40) as numbers (number);

create temporary table pages as
with recursive pages as (
  select public.list_incidents('{"source": "tap-pages", "limit": "200"}') as page
  union all
  select
    public.list_incidents(
      jsonb_build_object('source', 'tap-pages', 'limit', '200', 'offset', pages.page ->> 'next_offset')
    )
  from pages
  where pages.page ->> 'next_offset' is not null
)

select page from pages;

select is_empty(
  $$ select octet_length(page::text) from pages where octet_length(page::text) > 1100000 $$,
  'no page is much larger than 1 MiB'
);

select is(
  (select count(*) from pages),
  3::bigint,
  'a page ends only when the next incident would make it too large'
);

select is(
  (
    select count(distinct incident ->> 'id')
    from pages
    cross join lateral json_array_elements(page -> 'incidents') as incidents (incident)
  ),
  40::bigint,
  'the next offsets lead to all incidents'
);

select is(
  public.list_incidents('{"source": "tap-pages", "limit": "2", "offset": "38"}') ->> 'next_offset',
  null,
  'the last page has no next offset'
);

select is(
  public.list_incidents('{"source": "tap-pages", "limit": "2"}') ->> 'next_offset',
  '2',
  'a page that ends at the limit has the next offset'
);

select * from finish();

rollback;
