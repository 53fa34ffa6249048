-- The password is redacted; user, host and path stay.

begin;

select plan(8);

select is(monitoring.sanitize_text(sample.body, 4096), sample.wanted, sample.description)
from (
  values
  ('postgres://app:s3cret@db:5432/x', 'postgres://app:[redacted]@db:5432/x', 'the usual form'),
  ('redis://:pw@cache:6379/0', 'redis://:[redacted]@cache:6379/0', 'no user'),
  ('mongodb+srv://a:p@ss/w@db/x', 'mongodb+srv://a:[redacted]@db/x', 'an at sign and a slash in the password'),
  ('"amqp:\/\/u:p\/w@mq"', '"amqp:\/\/u:[redacted]@mq"', 'escaped slashes'),
  ('postgres://app@db.example.com/x', 'postgres://app@db.example.com/x', 'a user alone is no secret'),
  ('at http://localhost:3000/node_modules/@scope/x.js:1:2', 'at http://localhost:3000/node_modules/@scope/x.js:1:2', 'a port and a package are no password'),
  ('https://' || repeat('0a', 16) || '@o1.ingest.sentry.io/42', 'https://[redacted]@o1.ingest.sentry.io/42', 'the key of a Sentry DSN'),
  ('https://' || repeat('0a', 16) || ':' || repeat('1b', 16) || '@sentry.example/42', 'https://[redacted]@sentry.example/42', 'key and secret of a Sentry DSN')
) as sample (body, wanted, description);

select * from finish();

rollback;
