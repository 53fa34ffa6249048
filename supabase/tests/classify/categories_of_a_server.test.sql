-- Categories of errors that no rule matches.

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
  ('Out of memory: Killed process 12 (node)', 'MEDIUM infrastructure unmatched', 'server', null::text),
  ('x509: certificate has expired', 'MEDIUM infrastructure unmatched', 'server', null),
  ('Back-off restarting failed container', 'MEDIUM infrastructure unmatched', 'server', null),
  ('write: no space left on device', 'MEDIUM infrastructure unmatched', 'server', null),
  ('jwt malformed', 'MEDIUM security unmatched', 'server', null),
  ('invalid csrf token', 'MEDIUM security unmatched', 'server', null),
  ('column reference "z" is ambiguous', 'MEDIUM database unmatched', 'server', null),
  ('All object keys must match', 'MEDIUM backend unmatched', 'server', null)
) as sample (message, wanted, source, error_type)
cross join lateral public.classify_error(sample.message, sample.error_type, sample.source) as answer;

select * from finish();

rollback;
