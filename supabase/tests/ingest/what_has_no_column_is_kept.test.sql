begin;

select plan(7);

create function pg_temp.stored(event jsonb)
returns public.incidents
language plpgsql
as $$
declare
  v_id text := public.ingest_events(jsonb_build_array(event)) #>> '{0,incident_id}';
begin
  return (
    select incidents
    from public.incidents
    where incidents.id = v_id
  );
end
$$;

select is(
  (pg_temp.stored('{
    "error": {
      "message": "tap: it failed", "type": "E", "code": "C", "stack": "at f", "name": "AggregateError", "errno": -111,
      "cause": {"message": "connect ECONNREFUSED", "password": "hunter2"}, "errors": [{"message": "one"}], "mood": "sad"
    },
    "timestamp": "not a time", "tenant": 7, "context": {"a": 1, "extra": {"b": 2, "error": "theirs"}}
  }')).context - 'reported_error',
  '{"a": 1, "extra": {"b": 2, "tenant": 7, "timestamp": "not a time", "error": {
    "name": "AggregateError", "errno": -111, "cause": {"message": "connect ECONNREFUSED", "password": "[redacted]"},
    "errors": [{"message": "one"}], "mood": "sad"}}}'::jsonb,
  'everything without a column is under extra, sanitized'
);

select is(
  (pg_temp.stored('{"error": {"message": "tap: plain", "type": "E", "code": "C", "stack": "at f"}, "source": "s"}')).context,
  '{}'::jsonb, 'a report without anything else has no extra'
);

select is(
  (pg_temp.stored('{"error": {"message": "tap: list"}, "tenant": 7, "context": {"extra": [1, null]}}')).context,
  '{"extra": {"extra": [1, null], "tenant": 7}}'::jsonb, 'an extra of another type is kept beside it'
);

select is(
  (pg_temp.stored('{"error": {"message": "tap: null"}, "tenant": 7, "context": {"extra": null}}')).context,
  '{"extra": {"tenant": 7}}'::jsonb, 'an extra of null is none'
);

select ok(
  octet_length((pg_temp.stored(jsonb_build_object(
    'error', jsonb_build_object('message', 'tap: long', 'cause', jsonb_build_object('stack', repeat('x ', 90000)))
  ))).context::text) <= 65536, 'the whole is limited'
);

select is(
  (
    select jsonb_agg(monitoring.read_http_status(jsonb_build_object('http_status', form)) order by position)
    from (
      values (1, '0'::jsonb), (2, '"0"'), (3, '"000"'), (4, 'null'), (5, '""'), (6, '"503"'), (7, '503'), (8, '" 503 "')
    ) as given (position, form)
  ), '[0, 0, 0, null, null, 503, 503, 503]'::jsonb, 'a status of 0 is a request without an answer, and blank is none'
);

select is(
  (
    select jsonb_agg(answer -> 'success')
    from jsonb_array_elements(public.ingest_events('[
      {"error": {"message": "tap: Failed to fetch"}, "http_status": 0},
      {"error": {"message": "tap: Failed to fetch"}, "http_status": "0"},
      {"error": {"message": "tap: Failed to fetch"}, "http_status": ""},
      {"error": {"message": "tap: Failed to fetch"}, "http_status": 99},
      {"error": {"message": "tap: Failed to fetch"}, "http_status": -1},
      {"error": {"message": "tap: Failed to fetch"}, "http_status": 600},
      {"error": {"message": "tap: Failed to fetch"}, "http_status": true}
    ]')) as answers (answer)
  ), '[true, true, true, false, false, false, false]'::jsonb, 'other numbers are rejected'
);

select * from finish();

rollback;
