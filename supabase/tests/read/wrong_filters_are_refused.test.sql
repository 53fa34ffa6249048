begin;

select plan(4);

create function pg_temp.refusal(filters jsonb)
returns text
language plpgsql
as $$
declare
  v_detail text;
  v_hint text;
begin
  perform public.search_incidents(refusal.filters);
  return 'accepted';
exception
  when others then
    get stacked diagnostics v_detail = pg_exception_detail, v_hint = pg_exception_hint;
    return concat_ws('; ', sqlstate, sqlerrm, v_detail, v_hint);
end
$$;

select results_eq(
  $$ select name, pg_temp.refusal(jsonb_build_object(name, 'x')) from unnest(array['status', 'severity', 'category', 'period'])
     with ordinality as names (name, place) order by place $$,
  $$ values
     ('status', 'PT400; status is unknown; status; Send one of live, open, acknowledged, suppressed, resolved, all.'),
     ('severity', 'PT400; severity is unknown; severity; Send one of LOW, MEDIUM, HIGH, CRITICAL.'),
     ('category', 'PT400; category is unknown; category; Send one of backend, frontend, database, security, infrastructure.'),
     ('period', 'PT400; period is unknown; period; Send one of 24h, 7d.') $$,
  'a word that is none of the choices is refused with the choices'
);

select results_eq(
  $$ select pg_temp.refusal(wrong.filters::jsonb)
     from unnest(array[
       '{"stauts": "open"}', '{"password=hunter2": "x"}', '{"offset": null}', '{"severity": ["LOW"]}', '{"text": 1}',
       '{"text": false}', '[]', '"status"', 'null'
     ]) with ordinality as wrong (filters, place)
     order by place $$,
  $$ values
     ('PT400; there is no such filter; stauts; The filters are after, category, environment, period, severity, source, status, text.'),
     ('PT400; there is no such filter; …; The filters are after, category, environment, period, severity, source, status, text.'),
     ('PT400; there is no such filter; offset; The filters are after, category, environment, period, severity, source, status, text.'),
     ('PT400; severity must be a string; severity; Send "" for any.'),
     ('PT400; text must be a string; text; Send "" for any.'),
     ('PT400; text must be a string; text; Send "" for any.'),
     ('PT400; filters must be a JSON object; filters; Send {"status": "open"}.'),
     ('PT400; filters must be a JSON object; filters; Send {"status": "open"}.'),
     ('PT400; filters must be a JSON object; filters; Send {"status": "open"}.') $$,
  'what is no filter is refused by its name, unless the name may be a secret'
);

select is_empty(
  $$ select bad.after
     from unnest(array[
       'x', '1', 'INC-1', 'HIGH_INC-1', 'HIGH__INC-1', 'HIGH_1.5_INC-1', 'high_1_INC-1', 'open_1_INC-1', 'HIGH_1_inc-1',
       'HIGH_999999999999999999_INC-1', 'HIGH_٣_INC-1', ' _1_INC-1', 'resolved_-_INC-1'
     ]) as bad (after)
     where pg_temp.refusal(jsonb_build_object('after', bad.after))
       is distinct from 'PT400; after is no cursor; after; Send next of a page, unchanged.' $$,
  'what is not a cursor is refused'
);

select is_empty(
  $$ select length.name
     from (values ('text', 200), ('source', 1000), ('environment', 1000)) as length (name, most)
     where pg_temp.refusal(jsonb_build_object(length.name, repeat('ä', length.most))) <> 'accepted'
       or pg_temp.refusal(jsonb_build_object(length.name, repeat('ä', length.most + 1)))
       is distinct from 'PT400; ' || length.name || ' is too long; ' || length.name
       || '; text has at most 200 characters, other filters 1000.' $$,
  'a text has at most 200 characters, a name 1000'
);

select * from finish();

rollback;
