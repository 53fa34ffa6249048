begin;

select plan(9);

-- What other tests reported in this minute must not count here.
delete from monitoring.sender_quotas;

update public.system_config
set value = '{"new_incidents_per_minute": 2}'
where key = 'rate_limits';

create temporary table answered as
select public.ingest_events('[
  {"sender": "server:noisy", "event": {"error": {"message": "one"}, "source": "a"}},
  {"sender": "server:noisy", "event": {"error": {"message": "two"}, "source": "b"}},
  {"sender": "server:noisy", "event": {"error": {"message": "three"}, "source": "c"}},
  {"sender": "server:noisy", "event": {"error": {"message": "one"}, "source": "a"}},
  {"sender": "server:quiet", "event": {"error": {"message": "four"}, "source": "a"}}
]') as answer;

select is(
  (select jsonb_agg(item -> 'success') from answered, jsonb_array_elements(answer) as items (item)),
  '[true, true, false, true, true]'::jsonb,
  'the third new incident of a sender is rejected whatever source it names; a repeat and another sender are not'
);

select results_eq(
  $$ select answer #>> '{2,error,code}', answer #>> '{2,error,message}', answer #>> '{2,error,field}' from answered $$,
  $$ values ('PT429', 'server:noisy has reached its limit of new incidents per minute', null) $$,
  'the error has the code PT429 and names the sender'
);

select ok(
  (select (answer #>> '{2,error,retry_after}')::integer between 1 and 60 from answered),
  'the error contains the seconds to wait'
);

select is(
  public.ingest_events('[
    {"sender": "service", "event": {"error": {"message": "one"}}}, {"sender": "service", "event": {"error": {"message": "b"}}},
    {"sender": "service", "event": {"error": {"message": "two"}}}, {"sender": "service", "event": {"error": {"message": "d"}}}
  ]') @> '[{"success": false}]', false,
  'the service itself has no limit'
);

create temporary table shared as
select public.ingest_events('[
  {"sender": "server:noisy", "event": {"error": {"message": "shared"}, "severity": "CRITICAL"}},
  {"sender": "server:quiet", "event": {"error": {"message": "shared"}, "severity": "LOW"}},
  {"sender": "server:noisy", "event": {"error": {"message": "of the noisy one alone"}}}
]') as answer;

select results_eq(
  $$ select coalesce(item #>> '{error,code}', item ->> 'occurrence_count'), incidents.sender
     from shared, jsonb_array_elements(answer) with ordinality as items (item, place)
     left join public.incidents on id = item ->> 'incident_id' order by place $$,
  $$ values ('1', 'server:quiet'), ('2', 'server:quiet'), ('PT429', null) $$,
  'a sender over its limit does not keep another one from opening the incident of their common error'
);

select lives_ok(
  $$ select public.report_error(jsonb_build_object('error', jsonb_build_object('message', name)))
     from unnest(array['x', 'y']) as name $$,
  'a caller of report_error has a quota of its own'
);

select throws_ok(
  $$ select public.report_error('{"error": {"message": "z"}}') $$,
  'PT429', 'server:default has reached its limit of new incidents per minute',
  'report_error raises PT429'
);

update monitoring.sender_quotas
set window_started_at = now() - interval '61 seconds';

select is(
  public.report_error('{"error": {"message": "z"}}') -> 'success', 'true'::jsonb,
  'the next minute has a new quota'
);

select throws_ok(
  $$ update monitoring.sender_quotas set created_count = -1 $$,
  '23514', 'new row for relation "sender_quotas" violates check constraint "created_count_is_not_negative"',
  'a quota cannot be negative'
);

select * from finish();

rollback;
