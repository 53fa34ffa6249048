begin;

select plan(8);

select is(
  monitoring.read_event_text('{"a": 7}', 'a', '', 100), '7',
  'a number is a text as well'
);

select is(
  monitoring.read_event_text('{"a": "  "}', 'a', '', 100), null,
  'a blank text is none'
);

select throws_ok(
  $$ select monitoring.read_event_text('{"a": {}}', 'a', 'error.', 100) $$,
  'PT400', 'error.a must be a string',
  'an object is no text'
);

select is(
  monitoring.read_event_choice('{"a": "high"}', 'a', '{LOW,HIGH}'), 'HIGH',
  'a word is known in any case'
);

select throws_ok(
  $$ select monitoring.read_idempotency_key('{"idempotency_key": ""}') $$,
  'PT400', 'idempotency_key must be a string of 1 to 255 characters',
  'an empty key is refused'
);

select throws_ok(
  $$ select monitoring.read_http_status('{"http_status": 42}') $$,
  'PT400', 'http_status must be a status code, 100 to 599',
  'a number that is no status code is refused'
);

select is(
  monitoring.read_event_context('{"context": {"a": 1}, "b": 2}'), '{"a": 1, "extra": {"b": 2}}'::jsonb,
  'unknown fields are kept under extra'
);

select throws_ok(
  $$ select monitoring.refuse_event('field', 'is odd', 'Mend it.') $$,
  'PT400', 'field is odd',
  'a refusal is a PT400'
);

select * from finish();

rollback;
