"""Builds what requests share and starts the background tasks; at shutdown, sends queued reports and closes all."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

from app.ingest.batcher import Batcher, BatcherLimits
from app.ingest.breaker import CircuitBreaker
from app.ingest.replay import Replay
from app.ingest.sender import Sender
from app.ingest.service import IngestService
from app.metrics import FEEDS, Metrics
from app.settings import Settings
from app.spool.spool import Spool
from app.state import ServiceState
from app.status.cache import LastResult, SharedCache
from app.status.metrics import ServiceCollector
from app.status.snapshot import Snapshot, service_version
from app.supabase.audit import log_audit_anchors
from app.supabase.bootstrap import bootstrap
from app.supabase.client import SupabaseClient
from app.supabase.monitor import DatabaseMonitor
from app.supervisor import Supervisor
from app.web.auth import SignatureFailures
from app.web.body import BodyBudget, email_limits, form_limits, report_limits, sentry_limits
from app.web.session import Sessions

# How long a client waits for the database before its report is spooled. Sentry closes the connection after 1 s.
_REPORT_SECONDS = 2.0
_SENTRY_SECONDS = 0.6
# A delivery takes some 3 ms in the database, an invalid one 30: a call must not take longer than Sentry waits.
_SENTRY_LIMITS = BatcherLimits(batch_reports=50)
_REPLAY_BATCH = 400
# In one call, which must end before the statement_timeout of 8 s.
_SENTRY_REPLAY_BATCH = 100
_PUBLIC_STATUS_SECONDS = 20.0
_DRAIN_SECONDS = 1.5


@asynccontextmanager
async def run_service(settings: Settings, metrics: Metrics) -> AsyncIterator[ServiceState]:
    """The state of a running service; on exit, queued reports are sent or answered and everything is closed."""
    supabase = SupabaseClient(settings)
    monitor = DatabaseMonitor(partial(supabase.service_health, service_version()))
    spool = Spool(settings.spool_path, settings.spool_max_mb * 2**20)
    breakers = {feed: CircuitBreaker(feed) for feed in FEEDS}
    ingest_events = metrics.time_calls("events", supabase.ingest_events)
    ingest_sentry = metrics.time_calls("deliveries", supabase.ingest_sentry)
    send_events = Sender(ingest_events, "events", breakers["events"])
    send_deliveries = Sender(ingest_sentry, "deliveries", breakers["deliveries"])
    events = Batcher(metrics.count_batches("events", send_events))
    deliveries = Batcher(metrics.count_batches("deliveries", send_deliveries), _SENTRY_LIMITS)
    # A replay a feed: while the calls of one hang, the other continues.
    replays = (
        Replay("events", spool, send_events, breakers["events"], _REPLAY_BATCH),
        Replay("deliveries", spool, send_deliveries, breakers["deliveries"], _SENTRY_REPLAY_BATCH, is_ordered=True),
    )
    public_status = SharedCache(partial(supabase.status, "public_status", None), _PUBLIC_STATUS_SECONDS)
    supervisor = Supervisor()
    supervisor.start("monitor", monitor.run)
    for replay in replays:
        supervisor.start(f"replay of {replay.kind}", replay.run)
    supervisor.start("audit", lambda: log_audit_anchors(lambda: monitor.facts))
    supervisor.start("bootstrap", lambda: bootstrap(supabase, settings), may_end=True)
    collector = ServiceCollector(monitor, breakers, spool, supervisor, replays)
    metrics.registry.register(collector)
    try:
        yield ServiceState(
            settings=settings,
            metrics=metrics,
            supabase=supabase,
            report_bodies=BodyBudget(report_limits()),
            sentry_bodies=BodyBudget(sentry_limits()),
            email_bodies=BodyBudget(email_limits()),
            form_bodies=BodyBudget(form_limits()),
            reports=IngestService("events", events, spool, breakers["events"], _REPORT_SECONDS),
            sentry=IngestService("deliveries", deliveries, spool, breakers["deliveries"], _SENTRY_SECONDS),
            signature_failures=SignatureFailures(supabase.record_invalid_signature),
            monitor=monitor,
            snapshot=Snapshot(monitor, breakers, spool, supervisor),
            sessions=Sessions(),
            public_status=public_status,
            operator_status=LastResult(),
        )
    finally:
        metrics.registry.unregister(collector)
        await asyncio.gather(events.drain(_DRAIN_SECONDS), deliveries.drain(_DRAIN_SECONDS))
        await supervisor.stop()
        await spool.close()
        await monitor.stop()
        await public_status.stop()
        await supabase.aclose()
