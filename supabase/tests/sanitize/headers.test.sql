-- Authorization and cookie headers are redacted with all their parameters, whatever the scheme.

begin;

select plan(9);

select is(monitoring.sanitize_text(sample.body, 4096), sample.wanted, sample.description)
from (
  values
  (
    'Authorization: Token token=x1 Accept: text/html;version=2', 'Authorization: [redacted] Accept: text/html;version=2',
    'another header in the same line'
  ),
  ('GET / Authorization: Bearer abc.def', 'GET / Authorization: [redacted]', 'bearer'),
  ('curl -H ''authorization: Custom x1'' https://a.b', 'curl -H ''authorization: [redacted]'' https://a.b', 'an unknown scheme, in quotes'),
  ('Authorization: Digest username="u", realm="r", response="6629"', 'Authorization: [redacted]', 'digest'),
  ('{"Authorization":"Basic dXNl","a":1}', '{"Authorization":"[redacted]","a":1}', 'JSON'),
  ('[(b''authorization'', b''Bearer abc1''), (b''host'', b''x'')]', '[(b''authorization'', b''[redacted]''), (b''host'', b''x'')]', 'a list of pairs'),
  ('Bearer abc123def456 was rejected', 'Bearer [redacted] was rejected', 'a bearer token in a sentence'),
  ('Cookie: sid=abc; theme=dark', 'Cookie: [redacted]', 'cookies'),
  ('Set-Cookie: sid=abc; Path=/; HttpOnly', 'Set-Cookie: [redacted]; HttpOnly', 'a Set-Cookie header')
) as sample (body, wanted, description);

select * from finish();

rollback;
