-- Would today's rules decide as it was decided, or as a person set it? Of the last 30 days; is_manual rows matter most.
select
  backtest.stored_severity,
  backtest.severity_now,
  backtest.stored_category,
  backtest.category_now,
  backtest.is_manual,
  backtest.incidents,
  backtest.example
from monitoring.backtest_classifier(30) as backtest
where
  backtest.is_manual
  or (backtest.stored_severity, backtest.stored_category) <> (backtest.severity_now, backtest.category_now);
