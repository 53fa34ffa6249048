begin;

select plan(6);

update public.system_config
set value = value || '{"public_new_incidents_per_minute": 10000}'
where key = 'rate_limits';

create function monitoring.test_refused(events jsonb)
returns jsonb
language sql
set search_path = ''
as $$
  select jsonb_path_query_array(
    public.ingest_events(
      (select jsonb_agg(jsonb_build_object('sender', 'public:tap-form', 'sentry_event', item))
       from jsonb_array_elements(events) as items (item))
    ), '$[*] ? (@.success == false)'
  )
$$;

create temporary table values_of_any_form as
select value
from
  jsonb_array_elements(
    '[null, 0, -1, 1e300, true, "", "  ", "\u0001", [], {}, [null], [[]], {"": null}, {"values": null}, {"values": 5},
    {"values": [null, 1, "x", [], {}]}, {"frames": [1, null, {}]}, {"exception_id": "a", "parent_id": []}, "-infinity"]'
  ) as items (value)
union all
select to_jsonb(repeat('x', 5000))
union all
select jsonb_agg(number) from generate_series(1, 2000) as number
union all
select (repeat('[', 200) || repeat(']', 200))::jsonb;

select is(
  monitoring.test_refused(
    (
      select jsonb_agg(jsonb_build_object('message', 'of any form', field, value))
      from values_of_any_form
      cross join unnest(array[
        'event_id', 'timestamp', 'level', 'platform', 'exception', 'threads', 'stacktrace', 'logentry', 'message', 'tags',
        'user', 'request', 'breadcrumbs', 'contexts', 'extra', 'fingerprint', 'release', 'environment', 'transaction',
        'server_name', 'sdk', 'occurrence', 'entries', 'metadata', 'title', 'culprit', 'dist', 'logger', 'project'
      ]) as field
    )
  ), '[]'::jsonb,
  'no value of a field is refused'
);

select is(
  monitoring.test_refused(
    (
      select
        jsonb_agg(jsonb_build_object('exception', jsonb_build_object('values', jsonb_build_array(
          jsonb_build_object('type', 'A', 'value', 'b', field, value), jsonb_build_object(field, value)
        ))))
      from values_of_any_form
      cross join unnest(array['type', 'value', 'mechanism', 'stacktrace', 'module']) as field
    )
  ), '[]'::jsonb,
  'nor of an exception'
);

select is(
  monitoring.test_refused(
    (
      select
        jsonb_agg(jsonb_build_object(
          'message', 'of any form', 'user', jsonb_build_object('id', value), 'request', jsonb_build_object('headers', value),
          'breadcrumbs', jsonb_build_object('values', value), 'contexts', jsonb_build_object('response', value),
          'logentry', jsonb_build_object('message', 'a %s', 'params', value)
        ))
      from values_of_any_form
    )
  ), '[]'::jsonb,
  'nor of a member'
);

select is(
  monitoring.read_sentry_breadcrumbs(jsonb_build_object('breadcrumbs', (
    select jsonb_agg(jsonb_build_object('message', number, 'data', case when number = 30 then repeat('x', 2000) end))
    from generate_series(1, 30) as number
  ))),
  (select jsonb_agg(jsonb_build_object('message', number::text)) from generate_series(11, 30) as number),
  'the last 20 breadcrumbs are kept, without long data'
);

select is(
  (
    select max(octet_length(context::text)) <= 65536
    from public.incidents
    where sender = 'public:tap-form'
  ) and monitoring.read_sentry_message('{"logentry": {"message": "%s of %s", "params": [1, null]}}') = '1 of '
  and monitoring.read_sentry_message('{"message": {"formatted": "a 1", "message": "a %s", "params": [2]}}') = 'a 1',
  true, 'contexts stay within 64 kB, parameters are put into messages'
);

select is(
  (
    select jsonb_agg(item -> 'effect')
    from jsonb_array_elements(public.ingest_deliveries('[
      {"resource": "event_alert", "body": {"action": "triggered", "data": {"event":
        {"event_id": "tap-form", "issue_id": "8800002", "exception": {"values": [{"type": "\u0001", "value": "\u0002"}]}}}}},
      {"resource": "issue", "body": {"action": "created", "data": {"issue": {"id": "8800003", "title": "\u0001"}}}}
    ]')) as item
  ), '["opened", "opened"]'::jsonb,
  'a text that nobody sees counts as none, in webhooks, too'
);

select * from finish();

rollback;
