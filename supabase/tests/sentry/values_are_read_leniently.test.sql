begin;

select plan(9);

select is(
  monitoring.read_lenient_text('{"a": {"b": 12.0}}', 'a', 'b') || monitoring.read_lenient_text('{"a": " x "}', 'a'), '12.0x',
  'a number is read as text, and text is trimmed'
);

select is_empty(
  $$ select from unnest(array['{"a": null}', '{"a": []}', '{"a": " "}', '{}', 'null', '[1]', '"a"']::jsonb[]) as holder
     where monitoring.read_lenient_text(holder, 'a') is not null $$,
  'other types are null'
);

select is_empty(
  $$ select from unnest(array[
       '{"a": " x ", "b": 12.0, "c": null, "d": [], "e": {"f": 1}, "g": " ", "h": true, "": "y"}', '{}', 'null', '[1]', '"a"'
     ]::jsonb[]) as holder
     cross join unnest(array['a', 'b', 'c', 'd', 'e', 'g', 'h', '', 'z']) as field
     where monitoring.list_lenient_texts(holder) ->> field is distinct from monitoring.read_lenient_text(holder, field) $$,
  'the texts of an object are those that are read one by one'
);

select is(
  jsonb_path_query_array(
    monitoring.read_sentry_breadcrumbs(
      '{"breadcrumbs": [{"timestamp": 1795649074.083}, {"timestamp": "2026-11-25T23:24:34.083+01:00"}, {"timestamp": 1e300},
        {"timestamp": -1}, {"timestamp": 0}, {"timestamp": true}, {"timestamp": null}, {"timestamp": {"a": 1}}]}'
    ),
    '$[0 to 4].timestamp'
  ),
  jsonb_build_array('2026-11-25T23:24:34.083Z', '2026-11-25T23:24:34.083+01:00', '1' || repeat('0', 39), '-1', '0'),
  'times of breadcrumbs become ISO 8601, and what is none stays a text'
);

select results_eq(
  $$ select monitoring.read_timestamp(value) at time zone 'UTC'
     from unnest(array[
       '"2026-08-20T10:00:00.5+02:00"', '"2026-08-20 08:00:00.5"', '1787212800.5', '1787212800500', '"1787212800.5"'
     ]::jsonb[]) as value $$,
  $$ values
     ('2026-08-20 08:00:00.5'::timestamp), ('2026-08-20 08:00:00.5'::timestamp), ('2026-08-20 08:00:00.5'::timestamp),
     ('2026-08-20 08:00:00.5'::timestamp), ('2026-08-20 08:00:00.5'::timestamp) $$,
  'a time is parsed in five formats'
);

select is_empty(
  $$ select from unnest(array[
       '"now"', '"infinity"', '"2026-13-01T00:00:00"', '"1.2.3"', '"."', '-5', '1e300', '99999999999999', '0', 'true', '{}',
       '"2999-01-01T00:00:00Z"', '"0001-01-01"', 'null'
     ]::jsonb[]) as value where monitoring.read_timestamp(value) is not null $$,
  'an invalid or future time is null'
);

select is(
  monitoring.read_sentry_tags('[["level", "fatal"], {"key": "a", "value": 1}, null, "…5", [], [null, "x"], {"k": 1}]'),
  '{"level": "fatal", "a": "1"}'::jsonb, 'tags are read from pairs, objects and incomplete objects'
);

select is(
  monitoring.read_sentry_tags('{"level": "error"}') || monitoring.read_sentry_tags('7') || monitoring.read_sentry_tags(null),
  '{"level": "error"}'::jsonb, 'tags are read from one object or are empty'
);

select results_eq(
  $$ select monitoring.sentry_fingerprint('issue', '6700000001'), monitoring.sentry_fingerprint('issue', null),
       length(monitoring.sentry_fingerprint('metric', 'High: error rate')) $$,
  $$ values ('sentry:issue:6700000001', null, length('sentry:metric:') + 64) $$,
  'an id is part of the fingerprint, other values are hashed'
);

select * from finish();

rollback;
