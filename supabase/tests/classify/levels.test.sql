-- The level decides when no rule matches; a line of a level below warning is LOW whatever it says.

begin;

select plan(8);

select
  is(
    format('%s %s', answer.severity, answer.rule),
    sample.wanted,
    format('%s at level %s', sample.message, coalesce(sample.level, 'null'))
  )
from (
  values
  ('boom', 'fatal', 'CRITICAL fallback_level_fatal'),
  ('boom', 'ERROR', 'HIGH fallback_level_error'),
  ('boom', ' Warning ', 'LOW general_warning'),
  ('boom', 'info', 'LOW fallback_level_info'),
  ('boom', '50', 'HIGH fallback_level_error'),
  ('boom', 'mauve', 'MEDIUM unmatched'),
  ('boom', null, 'MEDIUM unmatched'),
  ('read ECONNRESET', 'debug', 'LOW fallback_level_info')
) as sample (message, level, wanted)
cross join lateral public.classify_error(sample.message, level => sample.level) as answer;

select * from finish();

rollback;
