-- Numbers keep every digit, and keys that only resemble names of secrets keep their values.

begin;

select plan(6);

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

select * from finish();

rollback;
