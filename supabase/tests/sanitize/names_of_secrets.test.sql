-- More names of secrets: the word can be one part of the name.

begin;

select plan(8);

select is(monitoring.sanitize_text(sample.body, 4096), sample.wanted, sample.description)
from (
  values
  ('ENCRYPTION_KEY=abc SIGNING_KEY: abc', 'ENCRYPTION_KEY=[redacted] SIGNING_KEY: [redacted]', 'keys'),
  ('jwt=abc csrf=abc otp_code=123', 'jwt=[redacted] csrf=[redacted] otp_code=[redacted]', 'short names'),
  ('credentials: abc, passwords: abc, n=1', 'credentials: [redacted], passwords: [redacted], n=1', 'plurals'),
  ('PHPSESSID=abc', 'PHPSESSID=[redacted]', 'a session of PHP'),
  ('password_old=abc TOKEN_PROD=abc', 'password_old=[redacted] TOKEN_PROD=[redacted]', 'a part behind'),
  ('//r.example/:_auth=dXNl {"auth":"dXNl"}', '//r.example/:_auth=[redacted] {"auth":"[redacted]"}', 'auth'),
  ('X-Hub-Signature-256: sha256=ab12', 'X-Hub-Signature-256: [redacted]', 'a signature'),
  ('STRIPE_SECRET_KEY_LIVE=abc webhook_secret_v2=abc', 'STRIPE_SECRET_KEY_LIVE=[redacted] webhook_secret_v2=[redacted]', 'a suffix of two parts')
) as sample (body, wanted, description);

select * from finish();

rollback;
