-- Mail servers mention users, permissions and 5xx when they reject a message: these errors are in infrastructure.

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
  (
    'postfix/smtpd[1]: reject: RCPT from a[1.2.3.4]: 554 5.7.1 Service unavailable',
    'MEDIUM infrastructure unmatched', 'server', null::text
  ),
  (
    'postfix/smtpd[1]: reject: RCPT from a[1.2.3.4]: 503 Bad sequence of commands',
    'MEDIUM infrastructure unmatched', 'server', null
  ),
  (
    'exim: H=a.test F=<b@c.test> rejected RCPT d@e.test: relay not permitted',
    'MEDIUM infrastructure unmatched', 'server', null
  ),
  (
    'courieresmtpd: error,relay=1.2.3.4,to=<a@b.test>: 550 User unknown.',
    'MEDIUM infrastructure unmatched', 'server', null
  ),
  ('451 4.7.1 Greylisted, please try again later', 'MEDIUM infrastructure unmatched', 'server', null),
  ('postfix/smtpd[1]: a[1.2.3.4]: SASL LOGIN authentication failed', 'MEDIUM security unmatched', 'server', null),
  (
    'exim: login authenticator failed for a: 535 Incorrect authentication data',
    'MEDIUM security unmatched', 'server', null
  ),
  ('connect to smtp.test[1.2.3.4]:587: Network is unreachable', 'HIGH infrastructure connection_refused', 'server', null)
) as sample (message, wanted, source, error_type)
cross join lateral public.classify_error(sample.message, sample.error_type, sample.source) as answer;

select * from finish();

rollback;
