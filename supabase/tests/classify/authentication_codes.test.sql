-- An authentication service that does not answer, by the codes of clients; a warning about a password is no breach.

begin;

select plan(8);

select
  is(
    format('%s %s %s', answer.severity, answer.category, answer.rule),
    sample.wanted,
    sample.message
  )
from (
  values
  ('AuthRetryableFetchError: {}', 'CRITICAL security authentication_service_code'),
  ('ldap.SERVER_DOWN: Can''t contact LDAP server', 'CRITICAL security authentication_service_down'),
  ('Auth server unreachable: connect ETIMEDOUT', 'CRITICAL security authentication_service_down'),
  ('Error: Timeout at getTokenSilently', 'HIGH security token_renewal_timeout'),
  ('Customer data leaked to a public bucket', 'CRITICAL security security_theft'),
  ('Password appears in a known data breach', 'MEDIUM security unmatched'),
  ('Malware detected in upload, file quarantined', 'MEDIUM security unmatched'),
  ('No security breaches were found', 'LOW security no_failure')
) as sample (message, wanted)
cross join lateral public.classify_error(sample.message, null, 'server') as answer;

select * from finish();

rollback;
