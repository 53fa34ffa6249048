"""The application factory: routes, middleware, exception handlers."""

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.routing import Route

from app.lifespan import run_service
from app.metrics import Metrics
from app.problems import Problem
from app.routes.email import receive_email_event
from app.routes.health import database_health, health, index
from app.routes.heartbeat import receive_heartbeat
from app.routes.incident_pages import incident_page, incidents_page
from app.routes.incidents import get_incident, list_incidents
from app.routes.kill_switch import kill_switch
from app.routes.metrics import metrics
from app.routes.monitors import monitor_handlers
from app.routes.report import report_error
from app.routes.sdk import receive_envelope, receive_event
from app.routes.sentry import receive_sentry
from app.routes.sign_in import sign_in, sign_out
from app.routes.status import status
from app.routes.target_page import target_page
from app.settings import Settings
from app.web.handlers import on_http_exception, on_problem
from app.web.middleware import (
    CrossOriginRequests,
    FairLimit,
    RequestLimit,
    RequestLog,
    UnexpectedErrors,
)
from app.web.page_headers import Compression, PageHeaders

# uvicorn waits this long for open requests, then the lifespan ends: together within the 10 s after SIGTERM.
SHUTDOWN_REQUEST_SECONDS = 7


def create_app(settings: Settings) -> Starlette:
    """A new application."""
    own_metrics = Metrics()
    # A page of incidents has up to 1 MiB, a status page some 100 kB; each is in memory until the client has read it.
    readers = Middleware(RequestLimit, FairLimit(total=16, per_client=8))
    limits = {"limit": FairLimit(total=64, per_client=32), "users": FairLimit(total=64, per_client=32)}
    # A page consists mostly of bars: compression reduces it to a tenth.
    pages = [Middleware(RequestLimit, **limits), Middleware(PageHeaders), Middleware(Compression)]
    # Pages of other origins may call these.
    public_routes = [
        Route("/api/autonomous/error", report_error, methods=["POST"]),
        # Some SDKs leave out the last slash.
        Route("/api/{project}/envelope/", receive_envelope, methods=["POST"]),
        Route("/api/{project}/envelope", receive_envelope, methods=["POST"]),
        Route("/api/{project}/store/", receive_event, methods=["POST"]),
        Route("/api/{project}/store", receive_event, methods=["POST"]),
    ]
    app = Starlette(
        routes=[
            *public_routes,
            Route("/", index, methods=["GET"], middleware=[Middleware(PageHeaders)]),
            Route("/health", health, methods=["GET"]),
            Route("/health/db", database_health, methods=["GET"]),
            Route("/sign-in", sign_in, methods=["GET", "POST"], middleware=pages),
            Route("/sign-out", sign_out, methods=["POST"], middleware=pages),
            Route("/status", status, methods=["GET", "POST"], middleware=pages),
            Route("/status/kill-switch", kill_switch, methods=["GET", "POST"], middleware=pages),
            Route("/incidents", incidents_page, methods=["GET"], middleware=pages),
            Route("/incidents/{incident_id}", incident_page, methods=["GET", "POST"], middleware=pages),
            # Names may contain slashes.
            Route("/targets/{name:path}", target_page, methods=["GET"], middleware=pages),
            Route("/metrics", metrics, methods=["GET"]),
            Route("/webhooks/sentry", receive_sentry, methods=["POST"]),
            Route("/heartbeat/{key}", receive_heartbeat, methods=["GET", "POST"]),
            Route("/heartbeat/{key}/{signal}", receive_heartbeat, methods=["GET", "POST"]),
            Route("/webhooks/email", receive_email_event, methods=["POST"]),
            *(Route(f"/webhooks/{kind}", handler, methods=["POST"]) for kind, handler in monitor_handlers().items()),
            Route("/api/autonomous/incidents", list_incidents, methods=["GET"], middleware=[readers]),
            Route("/api/autonomous/incidents/{incident_id}", get_incident, methods=["GET"], middleware=[readers]),
        ],
        middleware=[
            Middleware(RequestLog, metrics=own_metrics),
            Middleware(
                CrossOriginRequests,
                console_origins=settings.admin_console_url,
                public_origins=settings.public_origins,
                public_routes=public_routes,
            ),
            Middleware(UnexpectedErrors),
        ],
        exception_handlers={Problem: on_problem, HTTPException: on_http_exception},
        lifespan=lambda _app: run_service(settings, own_metrics),
    )
    # Starlette would redirect a POST, too, and many clients would drop the body of a report: see app.web.handlers.
    app.router.redirect_slashes = False
    return app
