begin;

select plan(5);

create function monitoring.test_event(id integer, value text, variable text)
returns jsonb
language sql
set search_path = ''
as $$
  select jsonb_build_object(
    'sender', 'public:tap-flood', 'received_at', now(),
    'sentry_event', jsonb_build_object(
      'event_id', 'tap' || id,
      'timestamp', extract(epoch from now()) - 10 + case id when 3 then 9 else id end,
      'exception', jsonb_build_object('values', jsonb_build_array(jsonb_build_object(
        'type', 'KeyError', 'value', value, 'stacktrace', jsonb_build_object('frames', jsonb_build_array(jsonb_build_object(
          'function', 'cart', 'filename', 'cart.py', 'lineno', 3, 'in_app', true, 'vars', jsonb_build_object('x', variable)
        )))
      ))),
      'contexts', jsonb_build_object('trace', variable), 'extra', jsonb_build_object('step', id)
    )
  )
$$;

create temporary table answered as
select
  public.ingest_events(
    jsonb_agg(monitoring.test_event(id, case id when 5 then 'discount' else 'price' end, 'v' || id) order by id)
  ) as answer
from generate_series(1, 5) as id;

select is(
  (select jsonb_agg(item -> 'occurrence_count') from answered, jsonb_array_elements(answer) as items (item)),
  '[1, 2, 3, 4, 1]'::jsonb,
  'events of one error fold, another error does not'
);

select results_eq(
  $$ select message, occurrence_count, context #>> '{extra,step}', context #>> '{contexts,trace}', first_seen, last_seen
     from public.incidents where sender = 'public:tap-flood' order by message desc $$,
  $$ values
     ('price', 4::bigint, '3', 'v3', now() - interval '9 seconds', now() - interval '1 second'),
     ('discount', 1::bigint, '5', 'v5', now() - interval '5 seconds', now() - interval '5 seconds') $$,
  'the newest one is the sample, with its own context'
);

select is(
  (
    select
      count(distinct monitoring.identify_sdk_event(
        monitoring.test_event(id, 'price', 'v' || id) -> 'sentry_event'
        || jsonb_build_object('request', jsonb_build_object('url', 'https://shop.example/orders/' || id))
      ))
    from generate_series(1, 9) as id
  ), 1::bigint,
  'variables, times, URLs and ids do not tell events apart'
);

select is(
  (
    select
      count(distinct monitoring.identify_sdk_event(
        monitoring.test_event(1, 'price', 'v') -> 'sentry_event' || change
      ))
    from jsonb_array_elements('[
      {}, {"level": "fatal"}, {"release": "2"}, {"environment": "e"}, {"tags": {"a": "b"}},
      {"fingerprint": ["a"]}, {"platform": "python"}, {"contexts": {"browser": {}}}, {"logentry": {"message": "m"}},
      {"contexts": {"response": {"status_code": 500}}}, {"threads": {}}, {"message": "m"}, {"culprit": "c"},
      {"exception": {"values": [{"type": "A"}, {"type": "B"}]}},
      {"exception": {"values": [{"type": "A", "mechanism": {"parent_id": 1}}, {"type": "B"}]}}
    ]') as changes (change)
  ), 15::bigint,
  'whatever counts for more than the context does'
);

select is(
  public.ingest_events(jsonb_build_array(
    monitoring.test_event(7, 'price', 'v'), monitoring.test_event(7, 'price', 'v'), monitoring.test_event(1, 'price', 'v1')
  )) -> 2, (select answer -> 0 from answered),
  'each has an id of its own'
);

select * from finish();

rollback;
