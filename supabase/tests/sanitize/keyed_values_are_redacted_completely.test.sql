-- Values are redacted to their end, although passwords can contain separators.

begin;

select plan(9);

select is(monitoring.sanitize_text(sample.body, 4096), sample.wanted, sample.description)
from (
  values
  ('password=a,b;c&d)e', 'password=[redacted]', 'separators inside'),
  ('f(token=abc, x=1)', 'f(token=[redacted], x=1)', 'separators after'),
  (e'"secret": "abc def\nnext line', e'"secret": "[redacted]\nnext line', 'a quote that never closes'),
  ('password=token=abc', 'password=[redacted]', 'a key as the value'),
  (':password=>"x", [secret] => y', ':password=>"[redacted]", [secret] => [redacted]', 'Ruby and PHP'),
  ('PWD={a;b};Server=x', 'PWD=[redacted];Server=x', 'braces of ODBC'),
  ('user[password]=x&user[name]=y', 'user[password]=[redacted]&user[name]=y', 'a brackets field'),
  ('{"auth":"app:hunter","a":1} password=${SALT}hunter2', '{"auth":"[redacted]","a":1} password=[redacted]', 'what begins like a reference'),
  ('password=[redacted]hunter2', 'password=[redacted]', 'a value that was redacted before')
) as sample (body, wanted, description);

select * from finish();

rollback;
