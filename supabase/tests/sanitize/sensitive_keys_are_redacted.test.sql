-- The name of a secret can be a value, or one part of a key.

begin;

select plan(7);

select is(monitoring.sanitize_jsonb(sample.body::jsonb, 65536), sample.wanted::jsonb, sample.description)
from (
  values
  (
    '[{"key": "Authorization", "value": "x"}, {"Name": "password", "Value": "x"}, {"field": "pin", "value": 1}]',
    '[{"key": "Authorization", "value": "[redacted]"}, {"Name": "password", "Value": "[redacted]"},
      {"field": "pin", "value": "[redacted]"}]',
    'objects of a name and a value'
  ),
  (
    '{"rawHeaders": ["Authorization", "tok", "Host", "h", "X-Api-Key", "k"]}',
    '{"rawHeaders": ["Authorization", "[redacted]", "Host", "h", "X-Api-Key", "[redacted]"]}', 'flat headers'
  ),
  ('{"argv": ["x", "--password", "y", "-v"]}', '{"argv": ["x", "--password", "[redacted]", "-v"]}', 'arguments'),
  (
    '{"pw": "x", "tokens": ["x"], "apikeys": "x", "password_old": "x", "token_prod": "x", "otp_code": 1, "signature": "x",
      "STRIPE_SECRET_KEY_LIVE": "x", "webhook_secret_v2": "x", "x-amz-signature": "x"}',
    '{"pw": "[redacted]", "tokens": "[redacted]", "apikeys": "[redacted]", "password_old": "[redacted]",
      "token_prod": "[redacted]", "otp_code": "[redacted]", "signature": "[redacted]",
      "STRIPE_SECRET_KEY_LIVE": "[redacted]", "webhook_secret_v2": "[redacted]", "x-amz-signature": "[redacted]"}',
    'parts of a key'
  ),
  (
    '{"token_count": 1, "secret_name": "a", "max_tokens": 2, "password_reset_url": "/x", "fields": ["id", "password", "name"]}',
    '{"token_count": 1, "secret_name": "a", "max_tokens": 2, "password_reset_url": "/x", "fields": ["id", "password", "name"]}',
    'what only sounds like a secret'
  ),
  ('{"n": -4111111111111111}', '{"n": "[redacted]"}', 'a negative number')
) as sample (body, wanted, description);

-- Each alone: no other word makes the document suspicious.
select is_empty(
  $$ select spelling
     from unnest(array[
       'session id', 'php sess id', 'connect sid', 'mfa code', 'verification code', 'code verifier', 'saml response',
       'saml request', 'otp code', 'security code', 'card number', 'social security number', 'signing key', 'db pass',
       'my session id', 'api key', 'pass phrase', 'x hub signature 256'
     ]) as words
     cross join unnest(array['', ' ', '_', '-', '.', ':']) as separator
     cross join unnest(array[replace(words, ' ', separator), upper(replace(words, ' ', separator))]) as spelling
     where monitoring.is_sensitive_key(spelling)
       and monitoring.sanitize_jsonb(jsonb_build_object('a', jsonb_build_object(spelling, 1234)), 65536)
       <> jsonb_build_object('a', jsonb_build_object(spelling, '[redacted]')) $$,
  'keys that is_sensitive_key() knows are found in a document, in any spelling'
);

select * from finish();

rollback;
