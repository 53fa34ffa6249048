"""Builds what requests share and supervises the background tasks; at shutdown, sends queued reports and closes all."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial

from app.ingest.batcher import Batcher, BatcherLimits
from app.ingest.breaker import CircuitBreaker
from app.ingest.replay import Replay
from app.ingest.sender import Send, Sender, in_halves
from app.ingest.service import IngestService
from app.settings import Settings
from app.spool.spool import Spool
from app.state import ServiceState
from app.status.cache import SharedCache
from app.status.snapshot import Snapshot
from app.supabase.audit import log_audit_anchors
from app.supabase.bootstrap import bootstrap
from app.supabase.client import SupabaseClient
from app.supabase.monitor import DatabaseMonitor
from app.web.auth import SignatureFailures
from app.web.body import BodyBudget

# How long a client waits for the database before its report is spooled. Sentry closes the connection after 1 s.
_REPORT_SECONDS = 2.0
_SENTRY_SECONDS = 0.6
# A delivery takes some 3 ms in the database, an invalid one 30: a call must not take longer than Sentry waits.
_SENTRY_LIMITS = BatcherLimits(batch_reports=50)
_REPLAY_BATCH = 400
_PUBLIC_STATUS_SECONDS = 20.0
_DRAIN_SECONDS = 1.5
_RESTART_SECONDS = (5.0, 60.0)

_logger = logging.getLogger(__name__)


@asynccontextmanager
async def run_service(settings: Settings) -> AsyncIterator[ServiceState]:
    """The state of a running service; on exit, queued reports are sent or answered and everything is closed."""
    supabase = SupabaseClient(settings)
    monitor = DatabaseMonitor(supabase.service_health)
    spool = Spool(settings.spool_path, settings.spool_max_mb * 2**20)
    breaker = CircuitBreaker()
    send_events = Sender(supabase.ingest_events, "events")
    send_deliveries = Sender(supabase.ingest_sentry, "deliveries")
    events, deliveries = Batcher(send_events), Batcher(send_deliveries, _SENTRY_LIMITS)
    senders: dict[str, Send] = {"events": in_halves(send_events), "deliveries": send_deliveries}
    replay = Replay(spool, breaker, senders, monitor.is_healthy, _REPLAY_BATCH)
    public_status = SharedCache(partial(supabase.status, "public_status", None), _PUBLIC_STATUS_SECONDS)
    tasks = [
        asyncio.create_task(_supervise("monitor", monitor.run)),
        asyncio.create_task(_supervise("replay", replay.run)),
        asyncio.create_task(_supervise("bootstrap", lambda: bootstrap(supabase, settings))),
        asyncio.create_task(_supervise("audit", lambda: log_audit_anchors(lambda: monitor.facts))),
    ]
    try:
        yield ServiceState(
            settings=settings,
            supabase=supabase,
            body_budget=BodyBudget(),
            reports=IngestService("events", events, spool, breaker, _REPORT_SECONDS),
            sentry=IngestService("deliveries", deliveries, spool, breaker, _SENTRY_SECONDS),
            signature_failures=SignatureFailures(supabase.record_invalid_signature),
            monitor=monitor,
            snapshot=Snapshot(monitor, breaker, spool),
            public_status=public_status,
        )
    finally:
        await asyncio.gather(events.drain(_DRAIN_SECONDS), deliveries.drain(_DRAIN_SECONDS))
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await spool.close()
        await monitor.stop()
        await public_status.stop()
        await supabase.aclose()


async def _supervise(name: str, run: Callable[[], Awaitable[None]]) -> None:
    """Run a background task to its end; after an exception it is logged and started again, with growing pauses."""
    pause, longest = _RESTART_SECONDS
    while True:
        try:
            return await run()
        except Exception:
            _logger.exception("the background task %s failed and is restarted in %s s", name, pause)
        await asyncio.sleep(pause)
        pause = min(pause * 2, longest)
