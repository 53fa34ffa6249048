-- Private keys are redacted, complete or truncated; certificates stay.

begin;

select plan(4);

select is(monitoring.sanitize_text(sample.body, 4096), sample.wanted, sample.description)
from (
  values
  (e'a\n-----BEGIN RSA ' || e'PRIVATE KEY-----\nMIIE\nb0=\n-----END RSA PRIVATE KEY-----\nb', e'a\n[redacted]\nb', 'a block'),
  ('{"k":"-----BEGIN ' || 'PRIVATE KEY-----\nMIIE\n-----END PRIVATE KEY-----\n","n":1}', '{"k":"[redacted]\n","n":1}', 'escaped line ends'),
  ('{"k":"-----BEGIN ' || 'OPENSSH PRIVATE KEY-----\nb3Blbn\nNzaC1r","n":1}', '{"k":"[redacted]","n":1}', 'without its end'),
  ('-----BEGIN CERTIFICATE-----x-----END CERTIFICATE-----', '-----BEGIN CERTIFICATE-----x-----END CERTIFICATE-----', 'a certificate')
) as sample (body, wanted, description);

select * from finish();

rollback;
