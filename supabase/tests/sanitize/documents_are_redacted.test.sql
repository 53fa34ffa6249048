-- Values of sensitive keys are redacted completely, whatever their type; other texts are redacted like messages.

begin;

select plan(7);

select is(monitoring.sanitize_jsonb(sample.body::jsonb, 65536), sample.wanted::jsonb, sample.description)
from (
  values
  (
    '{"password": "x", "Api-Key": 5, "clientSecret": {"a": 1}, "x-auth-token": ["a"], "SSN": true}',
    '{"password": "[redacted]", "Api-Key": "[redacted]", "clientSecret": "[redacted]", "x-auth-token": "[redacted]",
      "SSN": "[redacted]"}',
    'any spelling, any kind of value'
  ),
  (
    '{"a": [{"b": {"PASSWD": "x", "c": "postgres://u:p@h/x"}}]}',
    '{"a": [{"b": {"PASSWD": "[redacted]", "c": "postgres://u:[redacted]@h/x"}}]}',
    'however deep'
  ),
  ('{"a@b.com": 1, "n": "\u001b[1mred"}', '{"[redacted]": 1, "n": "red"}', 'keys and terminal sequences'),
  ('{"card": 4111111111111111, "order": 4111111111111112}', '{"card": "[redacted]", "order": 4111111111111112}', 'numbers'),
  ('{"headers": [["Cookie", "a=b"], ["Host", "h"]]}', '{"headers": [["Cookie", "[redacted]"], ["Host", "h"]]}', 'pairs'),
  ('[{"name": "password", "value": "x"}]', '[{"name": "password", "value": "[redacted]"}]', 'fields of a form'),
  ('"Bearer abc123def456"', '"Bearer [redacted]"', 'a document that is a text')
) as sample (body, wanted, description);

select * from finish();

rollback;
