"""Calls that read a whole table that grows, and why. A call that is within its budget must not be here."""

_DEPLOYMENTS = "the deployments of an hour are found by a scan of all deployments"
_ACTIONS = "count_begun_actions counts with a volatile time"
_KNOWLEDGE = "the fixes are scored one by one"
_LISTS = "the lists read every live incident"
_PAGES = "the figures of the pages are computed at each call"
_RUNS = "pg_cron's log has no index on the time"
_PURGES = "the purges are one statement each"

EXPECTED: dict[str, str] = {
    "function agent_guide": _ACTIONS,
    "function anchor_audit": "the changed heads are found by a scan of all heads",
    "function begin_agent_action": _ACTIONS,
    "function check_installation": _RUNS,
    "function export_uptime": "the percentiles of a day are computed from its checks",
    "function export_uptime_csv": "the percentiles of a day are computed from its checks",
    "function incident_context": _KNOWLEDGE,
    "function ingest_deliveries": "the look-up of an issue's incident uses no index",
    "function ingest_deliveries of known issues": "the look-up of an issue's incident uses no index",
    "function ingest_events": _DEPLOYMENTS,
    "function list_incidents": _LISTS,
    "function list_incidents of a source": _LISTS,
    "function list_incidents with filters": _LISTS,
    "function record_security_event": _DEPLOYMENTS,
    "function report_error": _DEPLOYMENTS,
    "function search_error_knowledge": _KNOWLEDGE,
    "function set_kill_switch": "the claims are found by a scan of all incidents",
    "function status_page": _PAGES,
    "function status_summary": _PAGES,
    "function system_status": _PAGES,
    "job monitoring-anchor-audit": "the changed heads are found by a scan of all heads",
    "job monitoring-purge-history": _PURGES,
    "job monitoring-purge-receipts": _PURGES,
    "view target_status": _PAGES,
}
