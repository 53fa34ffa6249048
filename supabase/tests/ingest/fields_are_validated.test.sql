begin;

select plan(8);

select is(
  monitoring.read_event_text('{"a": 7}', 'a', '', 100), '7',
  'a number is accepted as text'
);

select is(
  monitoring.read_event_text('{"a": "  "}', 'a', '', 100), null,
  'a blank text counts as missing'
);

select throws_ok(
  $$ select monitoring.read_event_text('{"a": {}}', 'a', 'error.', 100) $$,
  'PT400', 'error.a must be a string',
  'an object instead of a text is rejected'
);

select is(
  monitoring.read_event_choice('{"a": "high"}', 'a', '{LOW,HIGH}'), 'HIGH',
  'enumerated values are case-insensitive'
);

select throws_ok(
  $$ select monitoring.read_idempotency_key('{"idempotency_key": ""}', 'server:a') $$,
  'PT400', 'idempotency_key must be a string of 1 to 255 characters',
  'an empty idempotency key is rejected'
);

select throws_ok(
  $$ select monitoring.read_http_status('{"http_status": 42}') $$,
  'PT400', 'http_status must be a status code, 100 to 599, or 0',
  'an invalid status code is rejected'
);

select is(
  (monitoring.complete_repeat(null, '{"error": {}, "context": {"a": 1}, "b": 2}', now())).context, '{"a": 1, "extra": {"b": 2}}'::jsonb,
  'unknown fields are kept under extra'
);

select throws_ok(
  $$ select monitoring.refuse_event('field', 'is odd', 'Correct the field.') $$,
  'PT400', 'field is odd',
  'errors have the code PT400'
);

select * from finish();

rollback;
