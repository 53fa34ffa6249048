-- Codes and states of OAuth and OpenID Connect are redacted; codes of errors and names of states stay.

begin;

select plan(11);

select is(monitoring.sanitize_text(sample.body, 4096), sample.wanted, sample.description)
from (
  values
  ('GET /auth/callback?code=' || repeat('aB3_', 10) || '&state=' || repeat('x7Yz', 8) || '&iss=a 500', 'GET /auth/callback?code=[redacted]&state=[redacted]&iss=a 500', 'a redirect'),
  ('/cb?code=4%2F0A' || repeat('x7Yz', 10) || '&scope=email', '/cb?code=[redacted]&scope=email', 'Google'),
  ('grant_type=authorization_code&code=' || repeat('0a1b', 10) || '&code_verifier=' || repeat('a1B2', 11), 'grant_type=authorization_code&code=[redacted]&code_verifier=[redacted]', 'the body of a form'),
  ('{"code": "' || repeat('a1B2', 8) || '", "status": 400}', '{"code": "[redacted]", "status": 400}', 'JSON'),
  ('/oauth/callback?state=ab12cd34ef&code=short4code', '/oauth/callback?state=[redacted]&code=[redacted]', 'short values in a callback'),
  ('status code=404 code=H12 code=ECONNREFUSED code=PGRST301 code=ERR_HTTP2_PROTOCOL_ERROR', 'status code=404 code=H12 code=ECONNREFUSED code=PGRST301 code=ERR_HTTP2_PROTOCOL_ERROR', 'codes of errors'),
  (
    '{"code":"ResourceNotFoundException","requestId":"4f5b1c2d-3e4f-5a6b"}', '{"code":"ResourceNotFoundException","requestId":"4f5b1c2d-3e4f-5a6b"}',
    'codes of errors made of words, beside a random word'
  ),
  (
    '{"state": "AwaitingCustomerActionRequired", "id": "a1B2c3D4"} code="S3ObjectV2NotFound"', '{"state": "AwaitingCustomerActionRequired", "id": "a1B2c3D4"} code="S3ObjectV2NotFound"',
    'names of states'
  ),
  ('code=QxTbLuWkZmP4dRsyCnGvHa4Ej', 'code=[redacted]', 'a code of nearly no digits'),
  ('/shop?state=california&code=SUMMER2024 state=idle code=auth/invalid-credential', '/shop?state=california&code=SUMMER2024 state=idle code=auth/invalid-credential', 'states and discounts'),
  ('POST /saml/acs SAMLResponse=' || repeat('PHNh', 10) || '&RelayState=home', 'POST /saml/acs SAMLResponse=[redacted]&RelayState=home', 'SAML')
) as sample (body, wanted, description);

select * from finish();

rollback;
