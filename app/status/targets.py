"""The states of targets for the metrics: read from the database once a minute while anybody reads the metrics."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping
from datetime import datetime
from time import monotonic
from typing import Any

from prometheus_client.core import GaugeMetricFamily, Metric

from app.supabase.errors import SupabaseError

MOST_TARGETS = 1000
_INTERVAL_SECONDS = 60.0
# Nobody may have read the metrics for a while.
_LONGEST_AGE_SECONDS = 300.0
_STATUS_VALUES = {"up": 1, "degraded": 1, "down": 0}

_logger = logging.getLogger(__name__)


class TargetStates:
    """The last states that were read. A failure or 5 minutes without a reader empty them."""

    def __init__(self, read: Callable[[int], Awaitable[object]]) -> None:
        self._read = read
        self._asked = asyncio.Event()
        self._rows: list[Mapping[str, Any]] = []
        self._read_at = 0.0

    async def run(self) -> None:
        """Read the states after each request of the metrics, at most once a minute, until cancelled."""
        while True:
            await self._asked.wait()
            self._asked.clear()
            try:
                rows = await self._read(MOST_TARGETS)
                self._read_at = monotonic()
                self._rows = [row for row in rows if isinstance(row, Mapping)] if isinstance(rows, list) else []
            except SupabaseError as error:
                self._rows = []
                _logger.debug("no states of targets: %s", error)
            await asyncio.sleep(_INTERVAL_SECONDS)

    def collect(self) -> Iterable[Metric]:
        """The metrics, by target, as they were read last."""
        self._asked.set()
        text = "1 if the target is up or degraded, 0 if it is down; no sample if that is not known."
        up = GaugeMetricFamily("monitoring_target_up", text, labels=["target"])
        text = "1 while the database cannot reach the target and the service can."
        disputed = GaugeMetricFamily("monitoring_target_disputed", text, labels=["target"])
        text = "1 while the target is paused."
        paused = GaugeMetricFamily("monitoring_target_paused", text, labels=["target"])
        text = "When the certificate of the target expires."
        expiry = GaugeMetricFamily("monitoring_target_certificate_expiry_timestamp_seconds", text, labels=["target"])
        is_current = monotonic() - self._read_at < _LONGEST_AGE_SECONDS
        for row in self._rows if is_current else ():
            target, status = [str(row.get("target"))], str(row.get("status"))
            if status in _STATUS_VALUES:
                up.add_metric(target, _STATUS_VALUES[status])
            disputed.add_metric(target, status == "disputed")
            paused.add_metric(target, row.get("is_paused") is True)
            if row.get("certificate_expires_at"):
                expiry.add_metric(target, datetime.fromisoformat(str(row["certificate_expires_at"])).timestamp())
        yield from (up, disputed, paused, expiry)
