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
from starlette.routing import Route

from app.delivery import Delivery
from app.door import ReadingBudget
from app.forwarder import Forwarder
from app.middleware import LastResort, RequestLog
from app.monitor import DatabaseMonitor
from app.problems import Problem
from app.responses import on_http_exception, on_problem
from app.routes_incidents import get_incident, list_incidents
from app.routes_report import report_error
from app.routes_status import database_health, health, index, status
from app.settings import Settings, SettingsError, load_settings
from app.state import ServiceState
from app.supabase_rest import SupabaseRest
from app.watching import begin_watching

# uvicorn waits for the open requests, then ends the lifespan: together within the 10 s after SIGTERM.
SHUTDOWN_REQUEST_SECONDS = 7
_SHUTDOWN_DRAIN_SECONDS = 1.5


def create_app(settings: Settings | None = None) -> Starlette:
    """A new application; without settings, with those of the environment."""
    chosen = settings or _settings_of_the_environment()

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[Mapping[str, Any]]:
        supabase = SupabaseRest(chosen)
        forwarder = Forwarder(Delivery(supabase.ingest))
        monitor = DatabaseMonitor(supabase.service_health)
        tasks = [
            asyncio.create_task(monitor.watch()),
            asyncio.create_task(begin_watching(supabase, chosen)),
        ]
        try:
            yield ServiceState(
                settings=chosen,
                supabase=supabase,
                reading=ReadingBudget(),
                forwarder=forwarder,
                monitor=monitor,
            )
        finally:
            await forwarder.drain(_SHUTDOWN_DRAIN_SECONDS)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await monitor.stop()
            await supabase.aclose()

    app = Starlette(
        routes=[
            Route("/", index, methods=["GET"]),
            Route("/health", health, methods=["GET"]),
            Route("/health/db", database_health, methods=["GET"]),
            Route("/status", status, methods=["GET"]),
            Route("/api/autonomous/error", report_error, methods=["POST"]),
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
