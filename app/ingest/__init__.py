"""From a request body to a stored report.

service   accepts a report: stored by the database, or fsynced in the spool
batcher   coalesces the reports that arrive while a call is in flight
sender    sends one batch: retries, splits it when one report fails, reads the results
breaker   circuit breaker: while Supabase is unavailable, reports go straight to the spool
replay    sends the spooled reports once Supabase is available again
payload   error reports: JSON that jsonb accepts, size limits, idempotency key
sentry    Sentry's webhook deliveries as payloads
"""
