-- Warnings without another signal, in the formats of common loggers; with another signal, that signal decides.

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
  ('WARNING: This is a development server.', 'LOW backend general_warning', 'server', null::text),
  ('2019-11-26 01:04:49 [WRN] Failed login attempt. 1.2.3.4', 'LOW security general_warning', 'server', null),
  ('time=x level=warn msg="y"', 'LOW backend general_warning', 'server', null),
  ('SAWarning: identity key conflicts with the session', 'LOW database warning_class', 'server', 'SAWarning'),
  ('03-17 16:13:45.382  1702  8671 W WindowManager: x', 'LOW backend general_warning', 'server', null),
  ('WARN read ECONNRESET', 'HIGH infrastructure socket_code', 'server', null),
  ('RAS KERNEL INFO routine', 'LOW infrastructure fallback_level_info', 'server', null),
  ('level=error msg="user not found"', 'MEDIUM backend unmatched', 'server', null)
) as sample (message, wanted, source, error_type)
cross join lateral public.classify_error(sample.message, sample.error_type, sample.source) as answer;

select * from finish();

rollback;
