-- More notations of values: elements, attributes, lists, following lines.

begin;

select plan(8);

select is(monitoring.sanitize_text(sample.body, 4096), sample.wanted, sample.description)
from (
  values
  ('<password>x1</password>', '<password>[redacted]</password>', 'an element'),
  ('<add key="Password" value="x1"/>', '<add key="Password" value="[redacted]"/>', 'an attribute'),
  ('cfg[''password''] = ''x1''', 'cfg[''password''] = ''[redacted]''', 'a subscript'),
  ('password: `x1`', 'password: `[redacted]`', 'backticks'),
  ('{"password":["x1"],"token":{"value":"x1"}}', '{"password":["[redacted]"],"token":{"value":"[redacted]"}}', 'nested JSON'),
  (e'Authorization: Bearer\n  tok12\nHost: h', e'Authorization: [redacted]\nHost: h', 'a folded header'),
  (e'password:\n  x1\npassword: |\n  x1\nuser: a', e'password:\n  [redacted]\npassword: |\n  [redacted]\nuser: a', 'YAML'),
  (e'at MIIE\nb0=\n-----END RSA ' || e'PRIVATE KEY-----\nb', e'at [redacted]\nb', 'a private key without its BEGIN line')
) as sample (body, wanted, description);

select * from finish();

rollback;
