-- Headers and keys of any vendor are redacted if their value looks random.

begin;

select plan(8);

select is(monitoring.sanitize_text(sample.body, 4096), sample.wanted, sample.description)
from (
  values
  (e'sent Fastly-Key: ' || repeat('a1B2', 8) || e'\nHost: h', e'sent Fastly-Key: [redacted]\nHost: h', 'a header'),
  ('{''DD-APPLICATION-KEY'': ''' || repeat('a1B2', 10) || ''', ''n'': 1}', '{''DD-APPLICATION-KEY'': ''[redacted]'', ''n'': 1}', 'a dictionary'),
  ('{''User-Agent'': ''x'', ''Authentication'': ''abc'', ''n'': 1}', '{''User-Agent'': ''x'', ''Authentication'': ''[redacted]'', ''n'': 1}', 'Authentication'),
  ('LICENSE_KEY=' || repeat('a1B2', 8) || ' SECRET_KEY_BASE=' || repeat('a1B2', 8) || ' x', 'LICENSE_KEY=[redacted] SECRET_KEY_BASE=[redacted] x', 'variables'),
  ('"storageKey" => "' || repeat('a1B2', 8) || '"', '"storageKey" => "[redacted]"', 'PHP'),
  (e'- name: SMTP_PASS\n  value: x9Kp27vQ\n- name: PORT', e'- name: SMTP_PASS\n  value: [redacted]\n- name: PORT', 'the environment of a container'),
  ('<Password Type="Text">x9Kp27vQ</Password>', '<Password Type="Text">[redacted]</Password>', 'an element with attributes'),
  ('storageKey = "auth.token" primary_key=42 sort-key: name cache_key=user:17 sharedKey = derive(x)', 'storageKey = "auth.token" primary_key=42 sort-key: name cache_key=user:17 sharedKey = derive(x)', 'names and expressions')
) as sample (body, wanted, description);

select * from finish();

rollback;
