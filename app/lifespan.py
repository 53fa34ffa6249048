"""Builds what requests share and starts the background tasks; at shutdown, sends queued reports and closes all."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial

from app.ingest.batcher import BatcherLimits
from app.ingest.feed import Feed, FeedPlan
from app.ingest.heartbeat import Heartbeats
from app.looks.worker import LookWorker
from app.metrics import Metrics
from app.settings import Settings
from app.spool.spool import Share, Spool
from app.state import ServiceState
from app.status.cache import LastResult, SharedCache
from app.status.metrics import ServiceCollector
from app.status.public import PublicPage
from app.status.snapshot import Snapshot, service_version
from app.status.targets import TargetStates
from app.supabase.audit import log_audit_anchors
from app.supabase.auth import AuthClient, SharedRefresh
from app.supabase.bootstrap import bootstrap
from app.supabase.client import SupabaseClient
from app.supabase.monitor import DatabaseMonitor
from app.supervisor import Supervisor
from app.web.attempts import Attempts
from app.web.auth import SignatureFailures
from app.web.body import (
    BodyBudget,
    email_limits,
    envelope_limits,
    form_limits,
    monitor_limits,
    public_limits,
    report_limits,
    sentry_limits,
)
from app.web.middleware import FairLimit
from app.web.session import Sessions

# How long a client waits for the database before its report is spooled. Sentry closes the connection after 1 s.
_REPORT_SECONDS = 2.0
_SENTRY_SECONDS = 0.6
# A delivery takes some 3 ms in the database, an invalid one 30: a call must not take longer than Sentry waits.
_DELIVERY_LIMITS = BatcherLimits(batch_reports=50)
_REPLAY_BATCH = 400
# In one call, which must end before the statement_timeout of 8 s.
_DELIVERY_REPLAY_BATCH = 100
# Of pages and SDKs in progress, some waiting for the database: the other connections are for servers.
_PUBLIC_REQUESTS = 1_000
_PUBLIC_STATUS_SECONDS = 20.0
_DRAIN_SECONDS = 1.5


def _sender_share(settings: Settings) -> float:
    """What one public key may use of the room of all: half of it, unless it is the only one."""
    return 0.5 if len(settings.public_keys) > 1 else 1.0


def _spool_shares(settings: Settings) -> dict[str, Share]:
    """Whoever has a page's key, or guesses heartbeats, must leave room for the servers' reports and for Sentry's.

    Together the three use less than half, also if their many small reports take twice their size.
    """
    return {
        "public": Share(1 / 4, _sender_share(settings)),
        "monitors": Share(1 / 8, 1.0),
        # Half of it for check-ins with public keys, or for heartbeats by their own keys.
        "heartbeats": Share(1 / 16, 0.5),
    }


def _feed_plans(settings: Settings) -> list[FeedPlan]:
    events = FeedPlan("events", "ingest_events", "events", _REPORT_SECONDS, _REPLAY_BATCH)
    deliveries = FeedPlan(
        "deliveries",
        "ingest_deliveries",
        "deliveries",
        _SENTRY_SECONDS,
        _DELIVERY_REPLAY_BATCH,
        is_ordered=True,
        limits=_DELIVERY_LIMITS,
    )
    return [
        events,
        replace(events, kind="public", limits=BatcherLimits(sender_share=_sender_share(settings))),
        deliveries,
        replace(deliveries, kind="monitors", wait_seconds=_REPORT_SECONDS),
        FeedPlan("heartbeats", "ingest_heartbeats", "heartbeats", _REPORT_SECONDS, _REPLAY_BATCH, is_ordered=True),
    ]


@asynccontextmanager
async def run_service(settings: Settings, metrics: Metrics) -> AsyncIterator[ServiceState]:
    """The state of a running service; on exit, queued reports are sent or answered and everything is closed."""
    supabase = SupabaseClient(settings)
    auth = AuthClient(settings)
    refreshes = SharedRefresh(auth.refresh)
    monitor = DatabaseMonitor(partial(supabase.service_health, service_version()))
    spool = Spool(settings.spool_path, settings.spool_max_mb * 2**20, _spool_shares(settings))
    feeds = {plan.kind: Feed(plan, supabase.store, spool, metrics) for plan in _feed_plans(settings)}
    breakers = {kind: feed.breaker for kind, feed in feeds.items()}
    public_status = SharedCache(partial(supabase.status, "public_status", None), _PUBLIC_STATUS_SECONDS)
    supervisor = Supervisor()
    supervisor.start("monitor", monitor.run)
    for kind, feed in feeds.items():
        # A replay a feed: while the calls of one hang, the others continue.
        supervisor.start(f"replay of {kind}", feed.replay.run)
    supervisor.start("looks", LookWorker(supabase, metrics).run)
    supervisor.start("audit", lambda: log_audit_anchors(lambda: monitor.facts))
    supervisor.start("bootstrap", lambda: bootstrap(supabase, settings), may_end=True)
    targets = TargetStates(supabase.list_target_states)
    supervisor.start("target states", targets.run)
    replays = [feed.replay for feed in feeds.values()]
    collector = ServiceCollector(monitor, breakers, spool, supervisor, replays, targets)
    metrics.registry.register(collector)
    snapshot = Snapshot(monitor, breakers, spool, supervisor)
    try:
        yield ServiceState(
            settings=settings,
            metrics=metrics,
            supabase=supabase,
            report_bodies=BodyBudget(report_limits()),
            public_bodies=BodyBudget(public_limits()),
            sentry_bodies=BodyBudget(sentry_limits()),
            public_requests=FairLimit(_PUBLIC_REQUESTS, round(_PUBLIC_REQUESTS * _sender_share(settings))),
            monitor_bodies=BodyBudget(monitor_limits()),
            github_bodies=BodyBudget(sentry_limits()),
            envelope_bodies=BodyBudget(envelope_limits()),
            tunnel_bodies=BodyBudget(sentry_limits()),
            email_bodies=BodyBudget(email_limits()),
            form_bodies=BodyBudget(form_limits()),
            reports=feeds["events"].service,
            public=feeds["public"].service,
            sentry=feeds["deliveries"].service,
            monitors=feeds["monitors"].service,
            heartbeats=feeds["heartbeats"].service,
            heartbeat_keys=Heartbeats(feeds["heartbeats"].service),
            signature_failures=SignatureFailures(supabase.record_invalid_signature),
            monitor=monitor,
            snapshot=snapshot,
            sessions=Sessions(),
            auth=auth,
            refreshes=refreshes,
            attempts=Attempts(),
            public_status=public_status,
            public_page=PublicPage(public_status, monitor, snapshot),
            operator_status=LastResult(),
        )
    finally:
        metrics.registry.unregister(collector)
        await asyncio.gather(*(feed.batcher.drain(_DRAIN_SECONDS) for feed in feeds.values()))
        await supervisor.stop()
        await spool.close()
        await monitor.stop()
        await public_status.stop()
        await refreshes.stop()
        await auth.aclose()
        await supabase.aclose()
