begin;

select plan(4);

insert into public.incidents (
  id, fingerprint, title, message, severity, category, rule, source, sender, first_seen, last_seen
)
select
  'INC-7711' || opened.place as id,
  'tap any time ' || opened.place as fingerprint,
  't' as title,
  'm' as message,
  'LOW' as severity,
  'backend' as category,
  'r' as rule,
  'tap-any-time' as source,
  'server:default' as sender,
  opened.first_seen,
  'infinity' as last_seen
from
  unnest(array['infinity', '9000-01-01', '2026-01-01', '0044-03-15 BC', '-infinity']::timestamptz[])
  with ordinality as opened (first_seen, place);

select is(
  jsonb_path_query_array(public.search_incidents('{"source": "tap-any-time"}'), '$.incidents[*].id'),
  '["INC-77111", "INC-77112", "INC-77113", "INC-77114", "INC-77115"]',
  'incidents that somebody gave an impossible time are found'
);

select is(
  jsonb_path_query_array(
    public.search_incidents('{"source": "tap-any-time", "after": "LOW_95617584000000000_INC-77112"}'), '$.incidents[*].id'
  ),
  '["INC-77113", "INC-77114", "INC-77115"]', 'cursors lead past them'
);

select is_empty(
  $$
    select pages.document
    from public.incidents
    cross join lateral public.incident_page(incidents.id) as pages (document)
    where incidents.source = 'tap-any-time'
      and pages.document #>> '{incident,id}' is distinct from incidents.id
  $$,
  'each has a page'
);

select is(
  public.search_incidents('{"after": "CRITICAL_-99999999999999999_INC-1", "source": "tap-none"}') -> 'incidents', '[]',
  'a cursor made up by a caller finds nothing else'
);

select * from finish();

rollback;
