begin;

select plan(5);

select public.report_error('{
  "error": {
    "message": "cannot reach postgres://app:hunter2secret@db:5432/x", "stack": "password=hunter2secret",
    "type": "Bearer hunter2secret", "code": "token=hunter2secret"
  },
  "url": "https://a.example/?access_token=hunter2secret", "release": "api_key=hunter2secret", "fingerprint": "leaky",
  "context": {"password": "hunter2secret", "nested": [{"note": "Authorization: Bearer hunter2secret"}]},
  "secret": "hunter2secret"
}');

create temporary table stored as
select *
from public.incidents
where context ->> 'fingerprint' = 'leaky';

select public.report_error(jsonb_build_object(
  'error', jsonb_build_object('message', repeat('long word ', 5000), 'stack', repeat('at line ', 9000)),
  'context', (select jsonb_object_agg('key ' || number, repeat('v', 1000)) from generate_series(1, 100) as number),
  'fingerprint', 'long'
));

select is(
  (select message from stored), 'cannot reach postgres://app:[redacted]@db:5432/x',
  'the password in the message is redacted, the rest is kept'
);

select unalike(
  (select row_to_json(stored)::text from stored), '%hunter2secret%',
  'no column contains the secret'
);

select ok(
  (
    select octet_length(message) <= 4096 and message like '%truncated%' from public.incidents
    where context ->> 'fingerprint' = 'long'
  ),
  'a long message is truncated with a note'
);

select ok(
  (
    select octet_length(stack) <= 32768 and stack like '%truncated%' from public.incidents
    where context ->> 'fingerprint' = 'long'
  ),
  'a long stack is truncated with a note'
);

select ok(
  (
    select octet_length(context::text) <= 65536 from public.incidents
    where context ->> 'fingerprint' = 'long'
  ),
  'a large context is truncated'
);

select * from finish();

rollback;
