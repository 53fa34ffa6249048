-- A truncated document is valid JSON within the limit and contains its original size.

begin;

select plan(7);

select is(
  monitoring.sanitize_jsonb(jsonb_build_object('a', 1, 'b', repeat('x ', 500), 'c', 'kept'), 200) - 'b',
  '{"a": 1, "c": "kept", "_truncated": "original 1030 bytes"}',
  'small values of an object stay'
);

select matches(
  monitoring.sanitize_jsonb(jsonb_build_object('a', 1, 'b', repeat('x ', 500)), 300) ->> 'b',
  '^(x )+x?… \[truncated, 1002 bytes\]$',
  'the first value that does not fit is truncated'
);

select matches(
  monitoring.sanitize_jsonb(to_jsonb(array_fill('abcdef'::text, array[100])), 100)::text,
  '^\["abcdef", ("abcdef", )+"… \[truncated, 1000 bytes\]"\]$',
  'an array keeps its first elements'
);

select is_empty(
  $$
    select cap.bytes
    from generate_series(2, 400) as cap (bytes)
    cross join lateral monitoring.sanitize_jsonb(
      jsonb_build_object('k', repeat(e'"\\\n', 60), 'n', jsonb_build_array(1, repeat('é', 90), jsonb_build_object('z', 1))),
      cap.bytes
    ) as answer (body)
    where octet_length(answer.body::text) > cap.bytes or monitoring.sanitize_jsonb(answer.body, cap.bytes) <> answer.body
  $$,
  'every limit is kept'
);

select is(
  monitoring.sanitize_jsonb((repeat('[', 40) || repeat(']', 40))::jsonb, 65536)::text,
  repeat('[', 32) || '"[too deep]"' || repeat(']', 32),
  'values deeper than 32 levels are replaced'
);

select lives_ok(
  $$select monitoring.sanitize_jsonb((repeat('[', 5000) || repeat(']', 5000))::jsonb, 100)$$, 'thousands of levels are processed'
);

select is(monitoring.sanitize_jsonb(jsonb_build_object('n', 10::numeric ^ 3000), 100) -> 'n', null, 'a long number is processed');

select * from finish();

rollback;
