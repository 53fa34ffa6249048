begin;

select plan(6);

create function pg_temp.judged(event jsonb) returns boolean[]
language sql
as $$
  select array[judged.is_plain, judged.has_plain_message, judged.has_plain_context]
  from monitoring.judge_event(event, monitoring.collect_event_context(event, false)) as judged
$$;

select is(
  pg_temp.judged(
    '{"error": {"message": "the disk is full", "stack": "at a (b.js:1)\nat c"}, "context": {"a": "\"x\"\ny"}}'
  ),
  array[true, true, true],
  'ordinary texts are plain'
);

select is(
  (
    select array_agg(text order by text)
    from
      unnest(array[
        'reach me at jane@shop.example', '4111 1111 1111 1111', 'DE89 3704 0044 0532 0130 00', 'AKIAIOSFODNN7EXAMPLE',
        'postgres://app:pa55@db/x', 'sent auth%3Dabc', 'Private-Lines: 1', e'\x1b[31mred', 'the password was x1y2z3'
      ]) as texts (text)
    where (pg_temp.judged(jsonb_build_object('error', jsonb_build_object('message', 'm', 'stack', text))))[1]
  ),
  null,
  'what is redacted is not'
);

select is(
  array[
    pg_temp.judged('{"error": {"message": "jane@shop.example is unknown"}, "context": {"a": 1}}'),
    pg_temp.judged('{"error": {"message": "m"}, "context": {"path": "C:\\temp"}}'),
    pg_temp.judged('{"error": {"message": "m"}, "context": {"user": {"pin": "1234"}}}')
  ],
  array[[true, false, true], [true, true, false], [true, true, false]],
  'a message with an address, and a document with a backslash or a key of a secret, are judged alone'
);

select is(
  monitoring.complete_event_context('{"pin": "1234"}', '{"fingerprint": "f"}', false, true),
  '{"pin": "[redacted]", "fingerprint": "f"}'::jsonb,
  'a context that is not plain is sanitized'
);

select throws_ok(
  $$ select monitoring.check_event_context('{"context": 7}') $$, 'PT400', null,
  'a context that is no object is refused'
);

select is(
  (
    select array[prepared.message, prepared.source, prepared.context #>> '{a}']
    from monitoring.prepare_reported_event(
      null, '{"error": {"message": "the disk is full"}, "source": "api key sk_live_0123456789ab", "context": {"a": "b"}}',
      null, 1, 'server:a', now()
    ) as prepared
  ),
  array['the disk is full', 'api key [redacted]', 'b'],
  'a secret in one field is redacted there'
);

select * from finish();

rollback;
