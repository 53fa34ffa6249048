-- Intrusions and data leaks; attempts do not count.

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
  ('Data breach detected: 4,000 records affected', 'CRITICAL security security_breach', 'server', null::text),
  ('INTRUSION DETECTED in zone 3', 'CRITICAL security security_breach', 'server', null),
  ('Admin account was compromised', 'CRITICAL security security_compromised', 'server', null),
  ('Ransomware note found on fs-02', 'CRITICAL security security_compromised', 'server', null),
  ('SQL injection attempt blocked in parameter "id"', 'MEDIUM security unmatched', 'server', null),
  ('Brute force attack detected from 10.0.0.8', 'MEDIUM security unmatched', 'server', null),
  ('No security breaches were found in the audit', 'LOW security no_failure', 'server', null),
  ('SLA breach: response time above 2 s', 'MEDIUM backend unmatched', 'server', null)
) as sample (message, wanted, source, error_type)
cross join lateral public.classify_error(sample.message, sample.error_type, sample.source) as answer;

select * from finish();

rollback;
