-- Numbers keep every digit, and keys that only resemble names of secrets keep their values.

begin;

select plan(7);

select is(monitoring.sanitize_jsonb(sample.body::jsonb, 65536)::text, sample.body, sample.description)
from (
  values
  ('{"a": 1.0, "b": 12345678901234567890, "c": 1.50, "d": -0.1, "e": null, "f": true, "g": []}', 'numbers and the rest'),
  ('{"author": "x", "sort_key": "id", "max_tokens": 5, "secret_name": "db", "token_count": 7}', 'harmless keys'),
  ('{"password": null}', 'a secret that is not there'),
  ('"a\\b \"c\" \n \t 密"', 'escapes'),
  ('{}', 'an empty document')
) as sample (body, description);

select is(monitoring.sanitize_jsonb(null, 100), null, 'null stays null');

-- Such documents are frequent. Traversing one costs several times more than reading its text.
select ok(
  monitoring.is_clean_jsonb(
    '{"session": "5f3c1a2e-0b1d-4c7e-9a63-0d6f1e2b3c4d", "sessions": 3, "at": "2026-11-27T07:12:51.47Z"}', 32
  ),
  'a session and a time are no suspicious words'
);

select * from finish();

rollback;
