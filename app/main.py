"""The application: what is wired to what."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.routing import Route

from app.breaker import Breaker
from app.delivery import Deliver, Delivery, in_halves
from app.door import ReadingBudget
from app.forgeries import ForgeryNotes
from app.forwarder import Forwarder, ForwarderLimits
from app.intake import Intake
from app.middleware import LastResort, RequestLog
from app.monitor import DatabaseMonitor
from app.problems import Problem
from app.replay import Replay
from app.responses import on_http_exception, on_problem
from app.routes_incidents import get_incident, list_incidents
from app.routes_report import report_error
from app.routes_sentry import receive_sentry
from app.routes_status import database_health, health, index, status
from app.settings import Settings, SettingsError, load_settings
from app.sharing import Shared
from app.spool import Spool
from app.state import ServiceState
from app.supabase_rest import SupabaseRest
from app.watching import begin_watching

# uvicorn waits for the open requests, then ends the lifespan: together within the 10 s after SIGTERM.
SHUTDOWN_REQUEST_SECONDS = 7
_SHUTDOWN_DRAIN_SECONDS = 1.5
# How long a sender waits for the database before the spool takes the report. Sentry hangs up after a second.
_SENTRY_SECONDS = 0.6
# A delivery costs some 3 ms in the database, a bad one 30: a call must not take longer than its sender waits.
_SENTRY_LIMITS = ForwarderLimits(batch_reports=50)
_REPLAY_BATCH = 400
_REPORT_SECONDS = 2.0
_PUBLIC_STATUS_SECONDS = 20.0


def create_app(settings: Settings | None = None) -> Starlette:
    """A new application; without settings, with those of the environment."""
    chosen = settings or _settings_of_the_environment()

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[Mapping[str, Any]]:
        supabase = SupabaseRest(chosen)
        monitor = DatabaseMonitor(supabase.service_health)
        spool = Spool(chosen.spool_path, chosen.spool_max_mb * 2**20)
        breaker = Breaker()
        ways: dict[str, Deliver] = {
            "events": Delivery(supabase.ingest_events, "events"),
            "deliveries": Delivery(supabase.ingest_sentry, "deliveries"),
        }
        forwarders = {
            "events": Forwarder(ways["events"]),
            "deliveries": Forwarder(ways["deliveries"], _SENTRY_LIMITS),
        }
        ways_back = {**ways, "events": in_halves(ways["events"])}
        replay = Replay(spool, breaker, ways_back, monitor.is_well, _REPLAY_BATCH)
        public_status = Shared(lambda: supabase.status("public_status", None), _PUBLIC_STATUS_SECONDS)
        tasks = [
            asyncio.create_task(monitor.watch()),
            asyncio.create_task(replay.run()),
            asyncio.create_task(begin_watching(supabase, chosen)),
        ]
        try:
            yield ServiceState(
                settings=chosen,
                supabase=supabase,
                reading=ReadingBudget(),
                reports=Intake("events", forwarders["events"], spool, breaker, _REPORT_SECONDS),
                sentry=Intake("deliveries", forwarders["deliveries"], spool, breaker, _SENTRY_SECONDS),
                forgeries=ForgeryNotes(supabase.note_forged_signature),
                spool=spool,
                breaker=breaker,
                monitor=monitor,
                public_status=public_status,
            )
        finally:
            await asyncio.gather(*(each.drain(_SHUTDOWN_DRAIN_SECONDS) for each in forwarders.values()))
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await spool.close()
            await monitor.stop()
            await public_status.stop()
            await supabase.aclose()

    app = Starlette(
        routes=[
            Route("/", index, methods=["GET"]),
            Route("/health", health, methods=["GET"]),
            Route("/health/db", database_health, methods=["GET"]),
            # Most of the page are bars: compressed, a tenth of it remains.
            Route("/status", status, methods=["GET", "POST"], middleware=[Middleware(GZipMiddleware)]),
            Route("/api/autonomous/error", report_error, methods=["POST"]),
            Route("/webhooks/sentry", receive_sentry, methods=["POST"]),
            Route("/api/autonomous/incidents", list_incidents, methods=["GET"]),
            Route("/api/autonomous/incidents/{incident_id}", get_incident, methods=["GET"]),
        ],
        middleware=_middleware(chosen),
        exception_handlers={Problem: on_problem, HTTPException: on_http_exception},
        lifespan=lifespan,
    )
    # A path with a slash too many is unknown: redirected, many clients would lose the report's body.
    app.router.redirect_slashes = False
    return app


def _settings_of_the_environment() -> Settings:
    try:
        return load_settings(os.environ)
    except SettingsError as error:
        # `uvicorn --factory app.main:create_app` would show a traceback.
        sys.exit(str(error))


def _middleware(settings: Settings) -> list[Middleware]:
    middleware = [Middleware(RequestLog)]
    if settings.admin_console_url:
        cors = Middleware(
            CORSMiddleware,
            allow_origins=list(settings.admin_console_url),
            allow_methods=["GET", "HEAD", "POST"],
            allow_headers=["Authorization", "Content-Type", "Idempotency-Key", "X-Request-Id"],
            expose_headers=["X-Request-Id", "Retry-After"],
        )
        middleware.append(cors)
    middleware.append(Middleware(LastResort))
    return middleware
