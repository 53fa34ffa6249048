begin;

select plan(4);

delete from monitoring.sender_quotas;

update public.system_config
set value = '{"new_incidents_per_minute": 3, "public_new_incidents_per_minute": 1}'
where key = 'rate_limits';

create temporary table answered as
select public.ingest_events('[
  {"sender": "public:tap-flood", "event": {"error": {"message": "one"}}},
  {"sender": "public:tap-flood", "sentry_event": {"message": "two"}},
  {"sender": "public:tap-flood", "event": {"error": {"message": "one"}}},
  {"sender": "public:tap-calm", "sentry_event": {"message": "one"}},
  {"sender": "server:tap-flood", "event": {"error": {"message": "one"}, "source": "tap-limit"}},
  {"sender": "server:tap-flood", "event": {"error": {"message": "two"}, "source": "tap-limit"}},
  {"sender": "server:tap-flood", "event": {"error": {"message": "three"}, "source": "tap-limit"}},
  {"sender": "server:tap-flood", "event": {"error": {"message": "four"}, "source": "tap-limit"}}
]') as answer;

select is(
  (
    select jsonb_agg(coalesce(item #> '{error,code}', item -> 'occurrence_count'))
    from answered, jsonb_array_elements(answer) as items (item)
  ),
  '[1, "PT429", 2, 1, 1, 1, 1, "PT429"]'::jsonb,
  'new incidents of a public key are refused while repeats, other keys and servers go on'
);

select is(
  (select answer #>> '{1,error,hint}' from answered),
  'Repeats are still counted. Send the event again later, or raise rate_limits.public_new_incidents_per_minute.',
  'the hint names its limit'
);

select is(
  (select answer #>> '{7,error,hint}' from answered),
  'Repeats are still counted. Send the event again later, or raise rate_limits.new_incidents_per_minute.',
  'and that of servers'
);

select is(
  (select (answer #>> '{1,error,retry_after}')::integer between 1 and 60 from answered), true,
  'it says how long to wait'
);

select * from finish();

rollback;
