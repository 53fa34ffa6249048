-- The authentication service cannot be reached; a rejected password does not count.

begin;

select plan(8);

select
  is(
    format('%s %s %s', answer.severity, answer.category, answer.rule),
    sample.wanted,
    format('%s: %s', sample.source, sample.message)
  )
from (
  values
  ('Authentication service is unavailable', 'CRITICAL security authentication_service_down', 'server', null::text),
  ('auth-service returned 503', 'CRITICAL security authentication_service_down', 'server', null),
  ('Can''t contact LDAP server', 'CRITICAL security authentication_service_down', 'server', null),
  ('Keycloak is down: connection refused', 'CRITICAL security authentication_service_down', 'server', null),
  ('Login service timed out after 30 s', 'CRITICAL security authentication_service_down', 'server', null),
  ('Invalid login credentials', 'MEDIUM security unmatched', 'server', null),
  ('password authentication failed for user "app"', 'MEDIUM security unmatched', 'server', null),
  ('Too many authentication failures for root', 'MEDIUM security rate_limited', 'server', null)
) as sample (message, wanted, source, error_type)
cross join lateral public.classify_error(sample.message, sample.error_type, sample.source) as answer;

select * from finish();

rollback;
