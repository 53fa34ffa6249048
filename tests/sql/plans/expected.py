"""Calls that read a whole table that grows, and why. A call that is within its budget must not be here."""

_DEPLOYMENTS = "the deployments of an hour are found by a scan of all deployments"
_RUNS = "pg_cron's log has no index on the time"

EXPECTED: dict[str, str] = {
    "function check_installation": _RUNS,
    "function ingest_deliveries": _DEPLOYMENTS,
    "function ingest_events": _DEPLOYMENTS,
    "function record_security_event": _DEPLOYMENTS,
    "function report_error": _DEPLOYMENTS,
    "function set_kill_switch": "the claims are found by a scan of all incidents",
}
