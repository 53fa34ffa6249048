begin;

select plan(8);

insert into public.incidents (id, fingerprint, title, message, error_type, environment, severity, category, rule, source)
select
  'INC-7710' || found.number as id,
  'tap words ' || found.number as fingerprint,
  found.title,
  'm' as message,
  found.error_type,
  found.environment,
  'HIGH' as severity,
  'backend' as category,
  'r' as rule,
  'tap-words' as source
from (
  values
  (1, 'Pool exhausted after 30 s', 'PoolTimeout', 'production'),
  (2, '100% of the disk is used', 'DiskError', 'staging'),
  (3, 'ÄRGER mit Straße', null, null),
  (4, 'a_b \ c', 'Überlauf', 'Production')
) as found (number, title, error_type, environment);

create function pg_temp.ids(filters jsonb)
returns text
language sql
as $$
  select string_agg(substr(incidents.incident ->> 'id', 9), ' ' order by incidents.incident ->> 'id')
  from jsonb_array_elements(public.search_incidents(ids.filters) -> 'incidents') as incidents (incident)
$$;

select results_eq(
  $$ select words, pg_temp.ids(jsonb_build_object('source', 'tap-words', 'text', words))
     from unnest(array[
       'pool', 'POOL EXHAUSTED', 'haust  pool', 'timeout 30', 'tap-words pool', 'pool disk', 'zzz'
     ]) with ordinality as searched (words, place)
     order by place $$,
  $$ values ('pool', '1'), ('POOL EXHAUSTED', '1'), ('haust  pool', '1'), ('timeout 30', '1'), ('tap-words pool', '1'),
     ('pool disk', null), ('zzz', null) $$,
  'each word is a part of the title, the type or the source, in any case and order'
);

select results_eq(
  $$ select words, pg_temp.ids(jsonb_build_object('source', 'tap-words', 'text', words))
     from unnest(array['100%', '%', '_', 'a_b', 'p__l', '\', '\ c', '%%']) with ordinality as searched (words, place)
     order by place $$,
  $$ values ('100%', '2'), ('%', '2'), ('_', '4'), ('a_b', '4'), ('p__l', null), ('\', '4'), ('\ c', '4'), ('%%', null) $$,
  'no character is a wildcard'
);

select results_eq(
  $$ select words, pg_temp.ids(jsonb_build_object('source', 'tap-words', 'text', words))
     from unnest(array['ärger', 'STRASSE', 'straße', 'überlauf', 'ÜBER']) with ordinality as searched (words, place)
     order by place $$,
  $$ values ('ärger', '3'), ('STRASSE', null), ('straße', '3'), ('überlauf', '4'), ('ÜBER', '4') $$,
  'letters of other languages have cases, too'
);

select results_eq(
  $$ select name, pg_temp.ids(jsonb_build_object('source', 'tap-words', 'environment', name))
     from unnest(array['production', 'Production', 'staging', 'prod']) with ordinality as searched (name, place)
     order by place $$,
  $$ values ('production', '1'), ('Production', '4'), ('staging', '2'), ('prod', null) $$,
  'an environment is found by its exact name'
);

update public.incidents
set status = 'resolved', resolved_at = now()
where id = 'INC-77102';

select results_eq(
  $$ select words, pg_temp.ids(jsonb_build_object('text', words, 'severity', 'LOW', 'source', 'other', 'environment', 'x'))
     from unnest(array['INC-77101', 'inc-77102', ' Inc-77103 ']) with ordinality as searched (words, place)
     order by place $$,
  $$ values ('INC-77101', '1'), ('inc-77102', '2'), (' Inc-77103 ', '3') $$,
  'an id finds its incident, resolved or not, whatever the other filters are'
);

select is(
  public.search_incidents('{"text": "INC-77101", "after": "LOW_0_INC-1"}') -> 'next',
  'null'::jsonb,
  'there is no page after the incident of an id'
);

update public.incidents
set title = 'the same as INC-7719999 of the other system'
where id = 'INC-77101';

select is(
  pg_temp.ids('{"source": "tap-words", "text": "inc-7719999"}'), '1',
  'an id that is none is a word'
);

select is(
  public.search_incidents('{"source": "tap-words", "text": " Pool ", "severity": "high"}') -> 'filters',
  '{"status": "live", "severity": "HIGH", "category": null, "source": "tap-words", "environment": null, "text": "Pool",
    "period": "24h"}'::jsonb,
  'the filters are told as they were understood'
);

select * from finish();

rollback;
