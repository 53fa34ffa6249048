"""From a request body to a stored report.

service   accepts a report: stored by the database, or fsynced in the spool
batcher   coalesces the reports that arrive while a call is in flight
sender    sends one batch: retries, splits it when one report fails, reads the results
breaker   circuit breaker of a feed: while its calls get no answer, reports go straight to the spool
replay    sends the spooled reports of a feed, and gives up those that fail for a reason of their own
payload   error reports: JSON that jsonb accepts, size limits, idempotency key
sentry    Sentry's webhook deliveries as payloads
"""
