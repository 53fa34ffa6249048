begin;

select plan(5);

create temporary table answered as
select public.ingest_events(jsonb_build_array(
  '{"error": {"message": "small"}}'::jsonb,
  jsonb_build_object('error', jsonb_build_object('message', 'large', 'stack', repeat('s', 1600000))),
  jsonb_build_object('error', jsonb_build_object('message', 'as large as a body may be', 'stack', repeat('s', 1048000)))
)) as answer;

select is(
  (select jsonb_agg(coalesce(item #> '{error,code}', item -> 'success')) from answered, jsonb_array_elements(answer) as item),
  '[true, "PT413", true]'::jsonb,
  'an event that is too large is rejected, the others are stored'
);

select throws_ok(
  $$ select public.report_error(jsonb_build_object('error', '{"message": "m"}'::jsonb, 'context', repeat('c', 1600000))) $$,
  'PT413', 'the event is larger than 1.5 MiB', 'through report_error, too'
);

select throws_ok(
  $$ select public.ingest_events(
       (select jsonb_agg(jsonb_build_object('error', repeat('e', 1400000))) from generate_series(1, 12))
     ) $$,
  'PT413', 'events holds more than 1,000 events or 16 MiB', 'a call that is too large is rejected as a whole'
);

select results_eq(
  $$ select opened.sender, opened.event from unnest(array['{"a": 1}', '{"sender": "server:a", "event": {"a": 1}}', '5']::jsonb[])
     as item cross join monitoring.open_envelope(item) as opened $$,
  $$ values ('server:default', '{"a": 1}'::jsonb), ('server:a', '{"a": 1}'), ('server:default', '{}') $$,
  'an envelope is opened, an event alone has the default sender'
);

select throws_ok(
  $$ select public.report_error('[]') $$, 'PT400', 'report must be a JSON object', 'a report is an object'
);

select * from finish();

rollback;
