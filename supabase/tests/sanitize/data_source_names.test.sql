-- Passwords in data source names of all kinds, with or without a scheme.

begin;

select plan(8);

select is(monitoring.sanitize_text(sample.body, 4096), sample.wanted, sample.description)
from (
  values
  ('dial u:hunter2@tcp(db:3306)/x', 'dial u:[redacted]@tcp(db:3306)/x', 'Go and MySQL'),
  ('open root:hunter2@/db', 'open root:[redacted]@/db', 'without a host'),
  ('sftp://u@corp:pw@h', 'sftp://u@corp:[redacted]@h', 'an at sign in the user'),
  ('postgres://app:12345/x@db/x', 'postgres://app:[redacted]@db/x', 'a number and a slash'),
  ('postgres://app:"pass"@db', 'postgres://app:[redacted]@db', 'in quotes'),
  ('scott/pw@//h:1521/x', 'scott/[redacted]@//h:1521/x', 'Oracle'),
  ('http://localhost:3000/@fs/app/x.js react@18 a/b@1', 'http://localhost:3000/@fs/app/x.js react@18 a/b@1', 'paths'),
  ('postgres://db:5432/x failed: a@b/c', 'postgres://db:5432/x failed: a@b/c', 'a port')
) as sample (body, wanted, description);

select * from finish();

rollback;
