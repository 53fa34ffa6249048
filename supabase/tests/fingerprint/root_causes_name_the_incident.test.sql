-- Of a chain of exceptions, the root cause names, classifies and groups the incident; the wrapper is kept.

begin;

select plan(9);

create function monitoring.test_report(error jsonb)
returns public.incidents
language plpgsql
set search_path = ''
as $$
declare
  v_id text := public.report_error(jsonb_build_object('error', test_report.error, 'source', 'chains')) ->> 'incident_id';
  v_incident public.incidents;
begin
  select incidents.*
  into v_incident
  from public.incidents
  where incidents.id = v_id;
  return v_incident;
end
$$;

create temporary table chains (kind text, error jsonb) on commit drop;

insert into chains (kind, error)
values
('cause', '{"message": "load failed", "type": "Error", "cause": {"message": "m", "name": "Wrap",
  "cause": {"message": "connect ECONNREFUSED 10.0.0.5:5432", "name": "RootError", "code": "ECONNREFUSED"}}}'),
('errors', '{"message": "All promises were rejected", "type": "AggregateError",
  "errors": [{"message": "connect ECONNREFUSED 10.0.0.5:5432", "name": "RootError"}, {"message": "b"}]}'),
('__cause__', '{"message": "load failed", "type": "LoadError", "__cause__": {"message": "connect ECONNREFUSED 10.0.0.5:5432", "type": "RootError"}}'),
('__context__', '{"message": "load failed", "type": "LoadError", "__context__": {"message": "connect ECONNREFUSED 10.0.0.5:5432", "type": "RootError"}}'),
('exceptions', '{"message": "errors in a group", "type": "ExceptionGroup",
  "exceptions": [{"message": "connect ECONNREFUSED 10.0.0.5:5432", "type": "RootError"}]}'),
('java', '{"message": "load failed", "type": "a.LoadException",
  "stack": "a.LoadException: load failed\n\tat a.B.c(B.java:1)\nCaused by: RootError: connect ECONNREFUSED 10.0.0.5:5432\n\tat a.D.e(D.java:2)\n\t... 9 more"}'),
('python', '{"message": "Traceback (most recent call last):\n  File \"/app/a.py\", line 1, in f\n    g()\nRootError: connect ECONNREFUSED 10.0.0.5:5432\n\nThe above exception was the direct cause of the following exception:\n\nTraceback (most recent call last):\n  File \"/app/b.py\", line 2, in h\n    i()\nLoadError: load failed"}'),
('node', '{"message": "load failed", "stack": "Error: load failed\n    at a (/app/a.js:1:1) {\n  [cause]: RootError: connect ECONNREFUSED 10.0.0.5:5432\n      at b (/app/b.js:1:1)\n}"}'),
('.net', '{"message": "load failed", "stack": "X.LoadException: load failed\n ---> RootError: connect ECONNREFUSED 10.0.0.5:5432\n   at A.B()\n   --- End of inner exception stack trace ---\n   at C.D()"}'),
('.net with a number', '{"message": "load failed", "stack": "X.LoadException: load failed\n ---> RootError (0x80004005): connect ECONNREFUSED 10.0.0.5:5432\n   at A.B()\n   --- End of inner exception stack trace ---\n   at C.D()"}');

select is_empty(
  $$
    select chains.kind, incident.title, incident.rule
    from chains
    cross join lateral monitoring.test_report(chains.error) as incident
    where incident.title <> 'RootError: connect ECONNREFUSED 10.0.0.5:5432'
      or incident.severity <> 'CRITICAL' or incident.category <> 'database'
      or incident.context -> 'reported_error' is null
  $$,
  'the root cause names and classifies the incident, and the reported error is kept'
);

select results_eq(
  $$
    select (monitoring.test_report(chains.error)).context #>> '{reported_error,cause,name}'
    from chains
    where chains.kind = 'cause'
  $$,
  array['Wrap'], 'the whole chain is kept'
);

select isnt(
  (monitoring.test_report('{"message": "load failed", "cause": {"message": "no route to host"}}')).id,
  (monitoring.test_report('{"message": "load failed", "cause": {"message": "relation \"a\" does not exist"}}')).id,
  'different root causes have different incidents'
);

select is(
  (monitoring.test_report('{"message": "Validation failed", "type": "Invalid", "errors": [{"field": "email", "message": "is required"}]}')).title,
  'Invalid: Validation failed', 'a list of invalid fields is no chain'
);

select results_eq(
  $$
    select monitoring.find_cause(item)
    from unnest(array['{}', '{"cause": {}}', '{"cause": [1]}', '{"cause": 5}', '{"cause": " "}', '{"__suppress_context__": true, "__context__": "x"}']::jsonb[]) as item
  $$,
  array[null, null, null, null, null, null]::jsonb[], 'what is no error is no cause'
);

select is(
  array[
    monitoring.read_exception('"x"') ->> 'message', monitoring.read_exception('{"name": "E", "value": "v"}') ->> 'message',
    monitoring.read_exception('5')::text, monitoring.read_printed_chain('no chain')::text,
    monitoring.read_printed_chain(e'start failed\n\nCaused by:\n    0: no connection\n    1: refused') ->> 'message'
  ],
  array['x', 'v', null, null, 'refused'], 'causes are read from texts, objects and print'
);

select is(
  monitoring.resolve_exception_chain('{"error": {"message": "m", "type": "E"}, "context": {"a": 1}}'),
  '{"error": {"message": "m", "type": "E"}, "context": {"a": 1}}'::jsonb, 'an event without a chain is unchanged'
);

select is(
  monitoring.resolve_exception_chain(
    jsonb_build_object('error', (repeat('{"message": "m", "cause": ', 500) || '{"message": "deepest"}' || repeat('}', 500))::jsonb)
  ) #>> '{error,message}',
  'm', 'at most 16 causes are followed'
);

select is(
  array(
    select concat_ws(' ', answer #>> '{success}', answer #>> '{error,message}')
    from jsonb_array_elements(public.ingest_events((
      select jsonb_agg(jsonb_build_object('error', jsonb_build_object('message', 'odd cause', 'cause', cause)))
      from jsonb_array_elements(
        '[{"message": "x", "stack": ["a"]}, {"message": "x", "code": {"a": 1}}, {"message": "x", "code": true},
          {"message": "\u0001\u0002"}, {"message": "Caused by:\n\u0001"}]'
      ) as causes (cause)
    ))) as answers (answer)
  ),
  array_fill('true'::text, array[5]), 'no member of a cause makes a report invalid'
);

select * from finish();

rollback;
