-- More notations of values: elements, attributes, lists, following lines.

begin;

select plan(13);

select is(monitoring.sanitize_text(sample.body, 4096), sample.wanted, sample.description)
from (
  values
  ('[{"ParameterKey":"DBPassword","ParameterValue":"x1"}]', '[{"ParameterKey":"DBPassword","ParameterValue":"[redacted]"}]', 'CloudFormation'),
  (e'password: >-\n  x1\nuser: a', e'password: >-\n  [redacted]\nuser: a', 'folded YAML'),
  ('<Password><Value>x1</Value></Password>', '<Password><Value>[redacted]</Value></Password>', 'nested elements'),
  (
    e'["password"]=>\n  string(2) "x1"\n  ["charset"]=>\n  string(4) "utf8"',
    e'["password"]=>\n  string(2) "[redacted]"\n  ["charset"]=>\n  string(4) "utf8"', 'var_dump of PHP'
  ),
  (
    e'form-data; name="new_password"\n\nx1\n--b\nform-data; name="note"\n\nhello',
    e'form-data; name="new_password"\n\n[redacted]\n--b\nform-data; name="note"\n\nhello', 'a form in several parts'
  ),
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
