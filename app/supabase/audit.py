"""Copies the anchors of the audit trail into the log, where an owner of the database cannot change them.

verify_audit() compares the trail with such an anchor.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping

_INTERVAL_SECONDS = 5.0

_logger = logging.getLogger(__name__)


async def log_audit_anchors(facts: Callable[[], Mapping[str, object]]) -> None:
    """Log each anchor once, until cancelled. The facts are the last result of service_health()."""
    logged: object = None
    while True:
        anchor = facts().get("audit_anchor")
        if isinstance(anchor, Mapping) and anchor.get("hash") not in (None, logged):
            logged = anchor.get("hash")
            fields = {"anchored_on": anchor.get("anchored_on"), "anchor_hash": logged, "chains": anchor.get("chains")}
            _logger.info("audit anchor", extra={"fields": fields})
        await asyncio.sleep(_INTERVAL_SECONDS)
