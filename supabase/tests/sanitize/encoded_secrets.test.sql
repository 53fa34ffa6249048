-- Secrets with URL, JSON or HTML escapes are redacted; the text around them is then decoded.

begin;

select plan(8);

select is(monitoring.sanitize_text(sample.body, 4096), sample.wanted, sample.description)
from (
  values
  ('password%3Dhunter2', 'password=[redacted]', 'a key in a query string'),
  ('body=%22password%22%3A%22x%22', 'body="password":"[redacted]"', 'JSON'),
  ('/go?next=%2Fcb%3Faccess_token%3Dabc%26a%3D1', '/go?next=/cb?access_token=[redacted]&a=1', 'a URL in a URL'),
  ('redirect=https%3A%2F%2Fu%3Apw%40host%2Fx', 'redirect=https://u:[redacted]@host/x', 'a password in a URL'),
  ('password%253Dhunter2', 'password=[redacted]', 'twice'),
  ('dsn=https%3A%2F%2F' || repeat('0a', 16) || '%40o1.ingest.sentry.io%2F42', 'dsn=https://[redacted]@o1.ingest.sentry.io/42', 'a Sentry DSN'),
  ('a\u0026token\u003dabc {&quot;password&quot;:&quot;x&quot;}', 'a&token=[redacted] {"password":"[redacted]"}', 'JSON and HTML'),
  ('/go?next=%2Fhome%3Fa%3D1 100%', '/go?next=%2Fhome%3Fa%3D1 100%', 'without a secret the text stays encoded')
) as sample (body, wanted, description);

select * from finish();

rollback;
