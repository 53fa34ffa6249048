-- Values of keys that name a secret are redacted, in any notation.

begin;

select plan(8);

select is(monitoring.sanitize_text(sample.body, 4096), sample.wanted, sample.description)
from (
  values
  ('host=db password=hunter2 dbname=x', 'host=db password=[redacted] dbname=x', 'key=value'),
  ('DB_PASSWORD: hunter2, user: bob', 'DB_PASSWORD: [redacted], user: bob', 'key: value'),
  ('{"password":"a\"b","n":1,"api_key":42}', '{"password":"[redacted]","n":1,"api_key":[redacted]}', 'JSON'),
  ('"{\"clientSecret\":\"a\\\"b\",\"n\":1}"', '"{\"clientSecret\":\"[redacted]\",\"n\":1}"', 'JSON in JSON'),
  ('{''passwd'': ''x'', ''n'': 1}', '{''passwd'': ''[redacted]'', ''n'': 1}', 'a dictionary'),
  ('/cb?access_token=abc&state=1#top', '/cb?access_token=[redacted]&state=1#top', 'a query string'),
  ('mysql --password hunter2 -v', 'mysql --password [redacted] -v', 'an option'),
  ('alter role a with password ''x y'';', 'alter role a with password ''[redacted]'';', 'SQL')
) as sample (body, wanted, description);

select * from finish();

rollback;
