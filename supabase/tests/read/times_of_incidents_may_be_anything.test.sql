begin;

select plan(4);

insert into public.incidents (
  id, fingerprint, title, message, severity, category, rule, source, sender, first_seen, last_seen
)
select
  'INC-7711' || opened.place, 'tap any time ' || opened.place, 't', 'm', 'LOW', 'backend', 'r', 'tap-any-time',
  'server:default', opened.first_seen, 'infinity'
from unnest(array['infinity', '9000-01-01', '2026-01-01', '0044-03-15 BC', '-infinity']::timestamptz[])
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

select is(
  (
    select count(*)
    from public.incidents
    where incidents.source = 'tap-any-time'
      and public.incident_page(incidents.id) -> 'incident' ->> 'id' = incidents.id
  ),
  5::bigint, 'each has a page'
);

select is(
  public.search_incidents('{"after": "CRITICAL_-99999999999999999_INC-1", "source": "tap-none"}') -> 'incidents', '[]',
  'a cursor made up by a caller finds nothing else'
);

select * from finish();

rollback;
