begin;

select plan(8);

select isnt(
  monitoring.identify_event('a', 'server:a', '{"x": 1}', null),
  monitoring.identify_event('b', 'server:a', '{"x": 1}', null),
  'the key of an event depends on the secret'
);

select isnt(
  monitoring.identify_event('a', 'server:a', '{}', null), monitoring.identify_event('a', 'server:b', '{}', null),
  'and on the sender'
);

select is(
  array[
    monitoring.identify_context('{"context": {"a": 1}}', now()),
    monitoring.identify_context(jsonb_build_object('timestamp', now()), now()),
    monitoring.identify_context('{"timestamp": "1999-01-01"}', now()),
    monitoring.identify_context('{"timestamp": null, "url": "/a"}', now())
  ],
  array['[{"a": 1}, null]', '[null, null]', '[null, null, "1999-01-01"]', '[null, "/a", null]']::jsonb[],
  'the URL, and a time that is not believed, are part of the context'
);

create temporary table secrets as
select secret
from monitoring.event_keys;

update monitoring.secret_formats
set is_enabled = is_enabled
where name = 'resend';

select isnt(
  (select secret from monitoring.event_keys), (select secret from secrets),
  'a change of the formats renews the secret'
);

select throws_ok(
  $$ insert into monitoring.event_keys (is_only_row, secret) values (false, 'x') $$, '23514', null,
  'there_is_one_event_key'
);

select throws_ok(
  $$
  insert into monitoring.remembered_events (slot, event_key, context_key, prepared)
  select 8192, '\x00', '\x00', jsonb_populate_record(null::monitoring.prepared_event, '{"title": "t"}')
  $$, '23514', null,
  'slot_is_below_8192'
);

delete from monitoring.event_keys;

create temporary table answered as
select public.ingest_events('[
  {"error": {"message": "keyless"}, "fingerprint": "k"}, {"error": {"message": "keyless"}, "fingerprint": "k"},
  {"error": {"message": 7}}, {"error": {"message": "keyless"}, "fingerprint": "k", "context": []}
]') as answer;

select is(
  (
    select jsonb_agg(coalesce(item -> 'occurrence_count', item #> '{error,field}'))
    from answered, jsonb_array_elements(answer) as items (item)
  ),
  '[1, 2, "error.message", "context"]'::jsonb,
  'without a secret, events are stored as with one'
);

select monitoring.renew_event_key() as renewed;

select is(
  (select monitoring.describe_unreadable_event('22P05', 'no such character', '', '') #>> '{error,code}'), 'PT422',
  'an event that cannot be read is refused for its content'
);

select * from finish();

rollback;
