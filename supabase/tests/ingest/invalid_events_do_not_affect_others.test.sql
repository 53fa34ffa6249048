begin;

select plan(8);

create temporary table answered as
select public.ingest_events('[
  {"error": {"message": "good"}},
  "no object",
  {"error": {"message": " "}},
  {"error": {"message": ["a list"]}},
  {"error": {"message": "m"}, "severity": "URGENT"},
  {"error": {"message": "m"}, "context": "a text"},
  {"error": {"message": "good too"}, "severity": null, "context": null}
]') as answer;

select is(
  (select jsonb_agg(item -> 'success') from answered, jsonb_array_elements(answer) as items (item)),
  '[true, false, false, false, false, false, true]'::jsonb,
  'answers come in the caller''s order'
);

select is(
  (
    select jsonb_agg(item #> '{error,field}')
    from answered, jsonb_array_elements(answer) as items (item)
    where item @> '{"success": false}'
  ),
  '["error", "error.message", "error.message", "severity", "context"]'::jsonb,
  'each error contains its field'
);

select ok(
  (
    select bool_and(item #>> '{error,hint}' <> '' and item #>> '{error,code}' = 'PT400')
    from answered, jsonb_array_elements(answer) as items (item)
    where item @> '{"success": false}'
  ),
  'each error has a code and a hint'
);

select throws_ok(
  $$ select public.report_error('{"error": {"message": 5}}') $$,
  'PT400', 'error.message must be a string',
  'report_error raises the error'
);

select throws_ok(
  $$ select public.ingest_events('{}') $$,
  'PT400', 'events must be a JSON array',
  'an object instead of an array is rejected'
);

select throws_ok(
  $$ select public.ingest_events((select jsonb_agg(number) from generate_series(1, 1001) as number)) $$,
  'PT413', 'events holds more than 1,000 events or 16 MiB',
  'too many events in one call are rejected'
);

select is(
  public.ingest_events('[]'), '[]'::jsonb,
  'an empty array returns an empty array'
);

select is(
  public.report_error('{"error": {"message": " ", "type": "Blank"}}') -> 'success', 'true'::jsonb,
  'a blank message is accepted when the error has a type'
);

select * from finish();

rollback;
