-- Differences between stored severities and categories of the last 30 days and what the rules would decide today.
-- Rows with is_manual were set by a person: there the rules are wrong.
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
