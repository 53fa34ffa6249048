begin;

select plan(5);

create temporary table answered as
select public.ingest_events('[
  {"error": {"message": "user 1 not found"}, "source": "api"},
  {"error": {"message": "disk is full"}, "source": "api"},
  {"error": {"message": "user 2 not found"}, "source": "api"},
  {"error": {"message": "user 3 not found"}, "source": "api"}
]') as answer;

select is(
  (select jsonb_agg(item -> 'occurrence_count') from answered, jsonb_array_elements(answer) as items (item)),
  '[1, 1, 2, 3]'::jsonb,
  'each event of a batch gets its own count'
);

select is(
  (select jsonb_agg(item -> 'duplicate') from answered, jsonb_array_elements(answer) as items (item)),
  '[false, false, true, true]'::jsonb,
  'all but the first event are duplicates'
);

select is(
  public.report_error('{"error": {"message": "user 4 not found"}, "source": "api"}') -> 'occurrence_count',
  '4'::jsonb,
  'an event of a later call folds into the same incident'
);

select is(
  public.report_error('{"error": {"message": "user 5 not found"}, "source": "worker"}') -> 'occurrence_count',
  '1'::jsonb,
  'another source has an incident of its own'
);

select results_eq(
  $$ select occurrence_count from public.incidents where source = 'api' and title = 'user 1 not found' and message = 'user 4 not found' $$,
  $$ values (4::bigint) $$,
  'the incident counts all events and keeps its first title and its newest message'
);

select * from finish();

rollback;
