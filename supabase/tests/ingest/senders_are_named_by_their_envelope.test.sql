begin;

select plan(8);

create temporary table answered as
select public.ingest_events('[
  {"error": {"message": "alone"}, "source": "tap-sender"},
  {"sender": "server:shop", "event": {"error": {"message": "wrapped"}, "source": "tap-sender"}},
  {"sender": "service", "event": {"error": {"message": "damaged"}, "source": "tap-sender", "fingerprint": "spool"}},
  {"sender": "agent:42", "event": {"error": {"message": "by an agent"}, "source": "tap-sender"}},
  {"sender": "health-check", "event": {"error": {"message": "forged"}}},
  {"sender": "server:", "event": {"error": {"message": "no name"}}},
  {"sender": "server:a\nb", "event": {"error": {"message": "two lines"}}},
  {"event": {"error": {"message": "no sender"}}},
  {"sender": "server:shop", "event": {"sender": "service", "event": {"error": {"message": "nested"}}}},
  {"sender": "service", "error": {"message": "a field of the report"}, "event": {"a": 1}, "source": "tap-sender"}
]') as answer;

select is(
  (select jsonb_agg(item -> 'success') from answered, jsonb_array_elements(answer) as items (item)),
  '[true, true, true, true, false, false, false, false, false, true]'::jsonb,
  'known senders may report'
);

select results_eq(
  $$ select title, sender from public.incidents where source = 'tap-sender' order by title $$,
  $$ values
     ('a field of the report', 'server:default'), ('alone', 'server:default'), ('by an agent', 'agent:42'),
     ('damaged', 'service'), ('wrapped', 'server:shop') $$,
  'incidents name the sender; a report alone cannot'
);

select is(
  (
    select jsonb_agg(item #>> '{error,field}')
    from answered, jsonb_array_elements(answer) as items (item)
    where item @> '{"success": false}'
  ),
  '["sender", "sender", "sender", "sender", "error"]'::jsonb,
  'each error contains its field'
);

select results_eq(
  $$ select agent_actions.agent from public.agent_actions
     join public.incidents on incidents.id = agent_actions.incident_id
     where source = 'tap-sender' and action = 'incident_created' order by title $$,
  $$ values ('server:default'), ('server:default'), ('agent:42'), ('service'), ('server:shop') $$,
  'the sender is the actor in the audit trail'
);

select set_config('request.jwt.claims', '{"role": "authenticated", "sub": "u-1", "email": "ann@example.com"}', true);

select is(monitoring.read_sender(), 'agent:u-1', 'the sender of an agent is the subject of its token');

select is(
  public.report_error('{"error": {"message": "rpc"}, "source": "tap-sender"}') -> 'success', 'true'::jsonb,
  'an agent reports through the RPC'
);

select set_config(
  'request.jwt.claims', jsonb_build_object('role', 'authenticated', 'sub', repeat('u', 99) || ' 2')::text, true
);

select is(
  public.report_error('{"error": {"message": "long"}, "source": "tap-sender-2"}') -> 'success', 'true'::jsonb,
  'a long subject that is cut at a space is no unknown sender'
);

select throws_ok(
  $$ select public.report_error('{"sender": "service", "event": {"error": {"message": "forged"}}}') $$,
  'PT400', 'error must be a JSON object', 'and cannot name another sender'
);

select * from finish();

rollback;
